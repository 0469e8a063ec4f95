//! `date` and `date_index_name`.

use logs::date::{Edge, Format, SECOND_NS, Zone};
use serde_json::Value;

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::Config;
use crate::ingest::document::shown;
use crate::ingest::limits::PATH_MAX;
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;
use crate::ingest::template::Template;

/// How a text is read.
#[derive(Debug)]
enum Reading {
    Unix,
    UnixMs,
    Tai64n,
    Format(Box<Format>),
    /// A pattern without a year: this year is put before it.
    Yearless(Box<Format>),
}

impl Reading {
    fn parse(text: &str) -> Result<Vec<Self>, String> {
        let alone = match text {
            "UNIX" => Some(Self::Unix),
            "UNIX_MS" => Some(Self::UnixMs),
            "TAI64N" => Some(Self::Tai64n),
            "ISO8601" => Some(Self::Format(Box::new(format("iso8601")?))),
            _ => None,
        };
        if let Some(alone) = alone {
            return Ok(vec![alone]);
        }
        let mut readings = Vec::new();
        for one in text.split("||") {
            let plain = format(one);
            let yearless = !has_year(one);
            let dated = if yearless { format(&format!("uuuu {one}")).ok() } else { None };
            readings.push(match (dated, plain) {
                (Some(dated), _) => Self::Yearless(Box::new(dated)),
                (None, Ok(plain)) => Self::Format(Box::new(plain)),
                (None, Err(error)) => return Err(error),
            });
        }
        Ok(readings)
    }

    /// Nanoseconds since 1970.
    fn read(&self, text: &str, zone: &Zone, now_ms: i64) -> Option<i128> {
        match self {
            Self::Unix => {
                let ms: f64 = text.trim().parse::<f64>().ok()? * 1_000.0;
                crate::ingest::document::whole(ms).map(|ms| i128::from(ms) * 1_000_000)
            }
            Self::UnixMs => Some(i128::from(text.trim().parse::<i64>().ok()?) * 1_000_000),
            Self::Tai64n => tai64n(text),
            Self::Format(format) => format.read(text, zone, Edge::First),
            Self::Yearless(format) => {
                let year = zone.civil_at(i128::from(now_ms) * 1_000_000).year;
                format.read(&format!("{year:04} {text}"), zone, Edge::First)
            }
        }
    }
}

fn format(text: &str) -> Result<Format, String> {
    Format::parse(text).map_err(|error| error.to_string())
}

/// Whether a pattern says the year, outside of quotes.
fn has_year(pattern: &str) -> bool {
    let mut quoted = false;
    pattern.chars().any(|letter| {
        quoted ^= letter == '\'';
        !quoted && matches!(letter, 'y' | 'u' | 'Y')
    })
}

/// `@` and 24 hexadecimal digits: 2^62 plus seconds that are 10 ahead of UTC, then nanoseconds.
fn tai64n(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('@').unwrap_or(text);
    if digits.len() != 24 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let seconds = i128::from_str_radix(&digits[..16], 16).ok()? - (1 << 62) - 10;
    let nanos = i128::from_str_radix(&digits[16..], 16).ok()?;
    Some(seconds * SECOND_NS + nanos)
}

/// The zone and language that the texts are in.
#[derive(Debug)]
struct Place {
    zone: Option<Template>,
    locale: Option<Template>,
    /// Of texts that are no templates.
    known: Option<Zone>,
}

impl Place {
    fn parse(config: &mut Config) -> Result<Self, Error> {
        let template = |config: &mut Config, name: &str| match config.opt_str(name)? {
            None => Ok::<_, Error>(None),
            Some(text) => Ok(Some(config.as_template(name, &text)?)),
        };
        let zone = template(config, "timezone")?;
        let locale = template(config, "locale")?;
        let known = match zone.as_ref().map(Template::plain) {
            None => Some(Zone::default()),
            Some(None) => None,
            Some(Some(name)) => {
                Some(zone_of(name).map_err(|error| config.error(Some("timezone"), &error.reason))?)
            }
        };
        if let Some(name) = locale.as_ref().and_then(Template::plain) {
            check_locale(name).map_err(|error| config.error(Some("locale"), &error.reason))?;
        }
        Ok(Self { zone, locale, known })
    }

    fn zone(&self, document: &Document) -> Result<Zone, Error> {
        if let Some(locale) = &self.locale {
            check_locale(&locale.render(document, PATH_MAX)?)?;
        }
        match (&self.known, &self.zone) {
            (Some(zone), _) => Ok(zone.clone()),
            (None, Some(template)) => zone_of(&template.render(document, PATH_MAX)?),
            (None, None) => Ok(Zone::default()),
        }
    }
}

fn zone_of(name: &str) -> Result<Zone, Error> {
    if name.is_empty() {
        return Ok(Zone::default());
    }
    Zone::parse(name).ok_or_else(|| Error::illegal(format!("Unknown time-zone ID: {name}")))
}

fn check_locale(name: &str) -> Result<(), Error> {
    let language = name.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    if matches!(language.as_str(), "" | "en" | "eng" | "english" | "root" | "und" | "us" | "uk") {
        return Ok(());
    }
    Err(Error::illegal(format!("locale [{name}] is not supported: names are read in English")))
}

/// Dates of a field, by the first of several formats that fits.
#[derive(Debug)]
struct Dates {
    field: Path,
    readings: Vec<Reading>,
    place: Place,
}

impl Dates {
    fn parse(config: &mut Config, formats: &str, default: Option<&str>) -> Result<Self, Error> {
        let field = config.path("field")?;
        let place = Place::parse(config)?;
        let texts = match (config.one_or_more(formats)?, default) {
            (Some(texts), _) => texts,
            (None, Some(default)) => vec![default.to_owned()],
            (None, None) => {
                return Err(config.error(Some(formats), "required property is missing"));
            }
        };
        let mut readings = Vec::new();
        for text in &texts {
            let read = Reading::parse(text);
            readings.extend(read.map_err(|reason| config.error(Some(formats), &reason))?);
        }
        Ok(Self { field, readings, place })
    }

    /// The point of time, and the zone it was read in.
    fn read(&self, document: &Document, now_ms: i64) -> Result<(i128, Zone), Error> {
        let text = shown(document.find(&self.field)?);
        let zone = self.place.zone(document)?;
        let read = self.readings.iter().find_map(|reading| reading.read(&text, &zone, now_ms));
        match read {
            Some(ns) => Ok((ns, zone)),
            None => {
                let shown: String = text.chars().take(256).collect();
                Err(Error::illegal(format!("unable to parse date [{shown}]")))
            }
        }
    }
}

#[derive(Debug)]
struct Date {
    dates: Dates,
    target: Path,
    output: Format,
}

/// How a date is written that has no `output_format`.
const OUTPUT: &str = "uuuu-MM-dd'T'HH:mm:ss.SSSXXX";

pub(super) fn date(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let dates = Dates::parse(config, "formats", None)?;
    let target = config.path_or("target_field", &Path::parse("@timestamp")?)?;
    let output = config.str_or("output_format", OUTPUT)?;
    let output = format(&output).map_err(|reason| config.error(Some("output_format"), &reason))?;
    Ok(Box::new(Date { dates, target, output }))
}

impl Edit for Date {
    fn edit(&self, document: &mut Document, now_ms: i64) -> Result<(), Error> {
        let (ns, zone) = self.dates.read(document, now_ms)?;
        document.set(&self.target, Value::String(self.output.print(ns, &zone)))
    }
}

/// The index's name with the rounded date, as date math.
#[derive(Debug)]
struct IndexName {
    dates: Dates,
    prefix: Template,
    rounding: Template,
    format: Template,
}

pub(super) fn index_name(
    config: &mut Config,
    _: &mut Builder,
) -> Result<Box<dyn Processor>, Error> {
    let dates = Dates::parse(config, "date_formats", Some("yyyy-MM-dd'T'HH:mm:ss.SSSXX"))?;
    let text = config.str_or("index_name_prefix", "")?;
    let prefix = config.as_template("index_name_prefix", &text)?;
    let rounding = config.template("date_rounding")?;
    let text = config.str_or("index_name_format", "yyyy-MM-dd")?;
    let format = config.as_template("index_name_format", &text)?;
    Ok(Box::new(IndexName { dates, prefix, rounding, format }))
}

impl Edit for IndexName {
    fn edit(&self, document: &mut Document, now_ms: i64) -> Result<(), Error> {
        let (ns, zone) = self.dates.read(document, now_ms)?;
        let render = |template: &Template| template.render(document, PATH_MAX);
        let (prefix, rounding) = (render(&self.prefix)?, render(&self.rounding)?);
        let shape = render(&self.format)?;
        let written = format(&shape).map_err(Error::illegal)?.print(ns, &zone);
        let zone = zone.jiff().iana_name().unwrap_or("UTC").to_owned();
        let name = format!("<{prefix}{{{written}||/{rounding}{{{shape}|{zone}}}}}>");
        document.set(&Path::parse("_index")?, Value::String(name))
    }
}
