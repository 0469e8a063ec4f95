//! Where places are: the box around them, and their middle.

use serde_json::{Map, Value, json};

use super::error::AggError;
use super::node::{Batch, Cx, Finish, Node};
use super::result::Body;
use super::values::Bound;

#[derive(Debug, Clone, Default)]
struct Places {
    count: u64,
    sum: (f64, f64),
    lat: Option<(f64, f64)>,
    lon: Option<(f64, f64)>,
}

/// `geo_bounds`, `geo_centroid`. Places are kept as `lat,lon`.
pub(super) struct Geo {
    bound: Bound,
    bounds: bool,
    places: Vec<Places>,
}

impl Geo {
    pub(super) fn new(bound: Bound, bounds: bool) -> Self {
        Self { bound, bounds, places: Vec::new() }
    }
}

/// Reads `lat,lon` and `POINT (lon lat)`.
fn parse(text: &str) -> Option<(f64, f64)> {
    if let Some(inner) = text.trim().strip_prefix("POINT") {
        let (lon, lat) = inner.trim().trim_matches(['(', ')']).trim().split_once(' ')?;
        return Some((lat.trim().parse().ok()?, lon.trim().parse().ok()?));
    }
    let (lat, lon) = text.split_once(',')?;
    Some((lat.trim().parse().ok()?, lon.trim().parse().ok()?))
}

fn grow(ends: &mut Option<(f64, f64)>, value: f64) {
    *ends = Some(ends.map_or((value, value), |(a, b)| (a.min(value), b.max(value))));
}

impl Node for Geo {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        for (row, owner) in batch.iter() {
            let at = owner as usize;
            if self.places.len() <= at {
                self.places.resize(at + 1, Places::default());
            }
            let places = &mut self.places[at];
            cells.texts(row as usize, |text| {
                if let Some((lat, lon)) = parse(text) {
                    places.count += 1;
                    places.sum.0 += lat;
                    places.sum.1 += lon;
                    grow(&mut places.lat, lat);
                    grow(&mut places.lon, lon);
                }
            });
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32, _: &mut Finish<'_>) -> Result<Body, AggError> {
        let places = self.places.get(owner as usize).cloned().unwrap_or_default();
        let mut object = Map::new();
        if self.bounds {
            if let (Some((bottom, top)), Some((left, right))) = (places.lat, places.lon) {
                object.insert(
                    "bounds".to_owned(),
                    json!({"top_left": {"lat": top, "lon": left}, "bottom_right": {"lat": bottom, "lon": right}}),
                );
            }
        } else {
            if places.count > 0 {
                let n = super::show::count_to_f64(places.count);
                let middle = json!({"lat": places.sum.0 / n, "lon": places.sum.1 / n});
                object.insert("location".to_owned(), middle);
            }
            object.insert("count".to_owned(), Value::from(places.count));
        }
        Ok(Body::Object(object))
    }

    fn type_name(&self) -> &'static str {
        if self.bounds { "geo_bounds" } else { "geo_centroid" }
    }

    fn bytes(&self) -> u64 {
        u64::try_from(self.places.len() * size_of::<Places>()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(parse("41.12,-71.34"), Some((41.12, -71.34)));
        assert_eq!(parse("POINT (-71.34 41.12)"), Some((41.12, -71.34)));
        assert_eq!(parse("drm3"), None);
    }
}
