//! The program that a person types.

#[cfg(test)]
mod cases;
mod check;
mod cli;
mod config;
mod flags;
mod logging;
mod push;
mod schema;
mod serve;
mod web;
mod yaml;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    // A closed pipe ends the program: there is nobody to tell.
    act(&mut out, &mut err).unwrap_or(ExitCode::FAILURE)
}

fn act(out: &mut dyn Write, err: &mut dyn Write) -> std::io::Result<ExitCode> {
    let action = match cli::understand(std::env::args_os()) {
        Ok(action) => action,
        Err(refusal) => {
            let to: &mut dyn Write = if refusal.code == 0 { out } else { err };
            writeln!(to, "{}", refusal.text)?;
            return Ok(ExitCode::from(refusal.code));
        }
    };
    match action {
        cli::Action::Print(text) => write!(out, "{text}").map(|()| ExitCode::SUCCESS),
        cli::Action::CheckConfig(check) => check::config(&check, out, err).map(ExitCode::from),
        cli::Action::CheckWeb(files) => check::web(&files, err).map(ExitCode::from),
        cli::Action::Serve(flags) => ended(serve::run(&flags), err),
        cli::Action::ServePush(flags) => ended(push::run(&flags), err),
    }
}

fn ended(result: anyhow::Result<()>, err: &mut dyn Write) -> std::io::Result<ExitCode> {
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            writeln!(err, "mangru: {error}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
