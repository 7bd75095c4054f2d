//! Outlines of polygons as `x, y, x, y, ...`: the box around them and the area inside.

/// What the rings of one polygon come to.
#[derive(Debug)]
pub struct Measures {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    area: f64,
}

impl Default for Measures {
    fn default() -> Measures {
        Measures {
            left: f64::INFINITY,
            top: f64::INFINITY,
            right: f64::NEG_INFINITY,
            bottom: f64::NEG_INFINITY,
            area: 0.0,
        }
    }
}

impl Measures {
    /// Takes a ring, or a hole. `None` for what is no ring: less than three points, half a point, a number that is not finite.
    pub fn add(&mut self, ring: &[f64], hole: bool) -> Option<()> {
        let (points, half) = ring.as_chunks::<2>();
        if points.len() < 3 || !half.is_empty() || !ring.iter().all(|number| number.is_finite()) {
            return None;
        }
        if hole {
            self.area -= area(points).abs();
            return Some(());
        }
        self.area += area(points).abs();
        for [x, y] in points {
            self.left = self.left.min(*x);
            self.top = self.top.min(*y);
            self.right = self.right.max(*x);
            self.bottom = self.bottom.max(*y);
        }
        Some(())
    }

    /// (left, top, width, height, area); `None` without a ring, or where the sums overflow.
    pub fn finish(self) -> Option<(f64, f64, f64, f64, f64)> {
        let (width, height) = (self.right - self.left, self.bottom - self.top);
        let all = [self.left, self.top, width, height, self.area];
        all.iter()
            .all(|number| number.is_finite())
            .then_some((self.left, self.top, width, height, self.area))
    }
}

/// The signed area by the shoelace formula.
fn area(points: &[[f64; 2]]) -> f64 {
    let next = points[1..].iter().chain(&points[..1]);
    let pairs = points.iter().zip(next);
    let (down, up) = pairs.fold((0.0, 0.0), |(down, up), ([x, y], [next_x, next_y])| {
        (down + x * next_y, up + next_x * y)
    });
    (down - up) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_with_a_hole() {
        let mut measures = Measures::default();
        let square = [1.0, 2.0, 11.0, 2.0, 11.0, 12.0, 1.0, 12.0];
        measures.add(&square, false).unwrap();
        measures
            .add(&[2.0, 3.0, 4.0, 3.0, 4.0, 5.0, 2.0, 5.0], true)
            .unwrap();
        assert_eq!(measures.finish(), Some((1.0, 2.0, 10.0, 10.0, 96.0)));
    }

    #[test]
    fn what_is_no_ring() {
        for ring in [
            &[0.0, 0.0, 1.0, 1.0][..],
            &[0.0; 7],
            &[0.0, 0.0, 1.0, f64::NAN, 2.0, 2.0],
        ] {
            assert_eq!(Measures::default().add(ring, false), None);
        }
        assert_eq!(Measures::default().finish(), None);
    }
}
