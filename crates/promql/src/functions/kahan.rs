//! Summation that keeps what rounding loses (Neumaier's variant of Kahan's), with Prometheus' order of operations.

/// `sum + v` and what is lost so far. At infinity nothing is lost.
pub(crate) fn add(v: f64, sum: f64, lost: f64) -> (f64, f64) {
    let t = sum + v;
    if t.is_infinite() {
        (t, 0.0)
    } else if sum.abs() >= v.abs() {
        (t, lost + ((sum - t) + v))
    } else {
        (t, lost + ((v - t) + sum))
    }
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn keeps_what_is_small() {
        let (mut sum, mut lost) = (0.0, 0.0);
        for v in [1.0, 1e100, 1.0, -1e100] {
            (sum, lost) = add(v, sum, lost);
        }
        assert_eq!(sum + lost, 2.0);
        assert_eq!(add(f64::INFINITY, 1.0, 0.5), (f64::INFINITY, 0.0));
    }
}
