//! The names of field types and of their parameters.

use super::{Dynamic, FieldType};

/// Every type by the name that it has in a mapping. Of a type with two names the first is said back unless the other was written.
const NAMES: &[(&str, FieldType)] = &[
    ("text", FieldType::Text),
    ("match_only_text", FieldType::MatchOnlyText),
    ("search_as_you_type", FieldType::SearchAsYouType),
    ("keyword", FieldType::Keyword),
    ("constant_keyword", FieldType::ConstantKeyword),
    ("wildcard", FieldType::Wildcard),
    ("version", FieldType::Version),
    ("long", FieldType::Long),
    ("integer", FieldType::Integer),
    ("short", FieldType::Short),
    ("byte", FieldType::Byte),
    ("unsigned_long", FieldType::UnsignedLong),
    ("double", FieldType::Double),
    ("float", FieldType::Float),
    ("half_float", FieldType::HalfFloat),
    ("scaled_float", FieldType::ScaledFloat),
    ("boolean", FieldType::Boolean),
    ("date", FieldType::Date),
    ("date_nanos", FieldType::DateNanos),
    ("ip", FieldType::Ip),
    ("binary", FieldType::Binary),
    ("geo_point", FieldType::GeoPoint),
    ("geo_shape", FieldType::GeoShape),
    ("integer_range", FieldType::IntegerRange),
    ("long_range", FieldType::LongRange),
    ("float_range", FieldType::FloatRange),
    ("double_range", FieldType::DoubleRange),
    ("date_range", FieldType::DateRange),
    ("ip_range", FieldType::IpRange),
    ("token_count", FieldType::TokenCount),
    ("completion", FieldType::Completion),
    ("flattened", FieldType::Flattened),
    ("flat_object", FieldType::Flattened),
    ("alias", FieldType::Alias),
    ("object", FieldType::Object),
    ("passthrough", FieldType::Object),
    ("nested", FieldType::Nested),
    ("join", FieldType::Join),
    ("percolator", FieldType::Percolator),
];

/// Parameters that a field of some type may have.
pub(super) const PARAMS: &[&str] = &[
    "analyzer",
    "boost",
    "coerce",
    "contexts",
    "copy_to",
    "depth_limit",
    "disable_objects",
    "doc_values",
    "eager_global_ordinals",
    "enable_position_increments",
    "enabled",
    "fielddata",
    "fielddata_frequency_filter",
    "format",
    "ignore_above",
    "ignore_malformed",
    "ignore_z_value",
    "include_in_parent",
    "include_in_root",
    "index",
    "index_options",
    "index_phrases",
    "index_prefixes",
    "locale",
    "max_input_length",
    "max_shingle_size",
    "meta",
    "metric",
    "normalizer",
    "norms",
    "null_value",
    "on_script_error",
    "orientation",
    "path",
    "position_increment_gap",
    "precision_step",
    "preserve_position_increments",
    "preserve_separators",
    "print_format",
    "priority",
    "relations",
    "scaling_factor",
    "search_analyzer",
    "search_quote_analyzer",
    "similarity",
    "skip_list",
    "split_queries_on_whitespace",
    "store",
    "strategy",
    "subobjects",
    "synthetic_source_keep",
    "term_vector",
    "time_series_dimension",
    "time_series_metric",
    "use_similarity",
    "value",
];

impl FieldType {
    /// The type that a mapping calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(have, _)| *have == name).map(|(_, kind)| *kind)
    }

    /// Its name in a mapping; of two the more common.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("object", |(name, _)| name)
    }

    /// Whether it has properties.
    #[must_use]
    pub fn is_object(self) -> bool {
        matches!(self, Self::Object | Self::Nested)
    }
}

impl Dynamic {
    /// What a mapping calls `name`; `runtime` is taken as `true`: the field gets a type, and is stored.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "true" | "runtime" => Some(Self::True),
            "false" => Some(Self::False),
            "strict" => Some(Self::Strict),
            // Without a template the one refuses, and the other leaves the field alone.
            "strict_allow_templates" | "false_allow_templates" => Some(Self::StrictAllowTemplates),
            _ => None,
        }
    }

    /// Its name in a mapping.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Strict => "strict",
            Self::StrictAllowTemplates => "strict_allow_templates",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for (name, kind) in NAMES {
            assert_eq!(FieldType::named(name), Some(*kind));
            assert!(["flat_object", "passthrough", kind.name()].contains(name));
        }
        assert!(PARAMS.is_sorted());
    }
}
