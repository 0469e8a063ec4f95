//! How names become indices: the parameters that all routes with indices have.

use crate::error::Error;
use crate::rest::Call;

/// What wildcards find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expand {
    pub open: bool,
    pub closed: bool,
    pub hidden: bool,
}

/// How names become indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A name that does not exist, or is closed, is passed over.
    pub ignore_unavailable: bool,
    /// Nothing at all may be found.
    pub allow_no_indices: bool,
    pub expand: Expand,
    /// A closed index that is asked for by its name is an error.
    pub forbid_closed: bool,
    /// Aliases are not followed.
    pub ignore_aliases: bool,
}

impl Options {
    /// What searches go by: open indices, closed ones are an error.
    #[must_use]
    pub fn search() -> Self {
        Self {
            ignore_unavailable: false,
            allow_no_indices: true,
            expand: Expand { open: true, closed: false, hidden: false },
            forbid_closed: true,
            ignore_aliases: false,
        }
    }

    /// What administration goes by: wildcards find open indices, names find any.
    #[must_use]
    pub fn admin() -> Self {
        Self { forbid_closed: false, ..Self::search() }
    }

    /// The same, where wildcards find closed indices too.
    #[must_use]
    pub fn admin_closed_too() -> Self {
        Self { expand: Expand { open: true, closed: true, hidden: false }, ..Self::admin() }
    }

    /// Whatever there is.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            ignore_unavailable: true,
            allow_no_indices: true,
            expand: Expand { open: true, closed: true, hidden: true },
            forbid_closed: false,
            ignore_aliases: false,
        }
    }

    /// These, as far as the call's parameters do not say otherwise.
    ///
    /// # Errors
    /// 400 for parameters that make no sense.
    pub fn of(self, call: &Call<'_>) -> Result<Self, Error> {
        let mut options = self;
        options.ignore_unavailable = call.flag("ignore_unavailable", self.ignore_unavailable)?;
        options.allow_no_indices = call.flag("allow_no_indices", self.allow_no_indices)?;
        if let Some(list) = call.params.list("expand_wildcards") {
            options.expand = Expand { open: false, closed: false, hidden: false };
            for word in list {
                match word {
                    "open" => options.expand.open = true,
                    "closed" => options.expand.closed = true,
                    "hidden" => options.expand.hidden = true,
                    "none" => options.expand = Expand { open: false, closed: false, hidden: false },
                    "all" => options.expand = Expand { open: true, closed: true, hidden: true },
                    other => {
                        return Err(Error::illegal(format!(
                            "No valid expand wildcard value [{other}]"
                        )));
                    }
                }
            }
        }
        Ok(options)
    }
}
