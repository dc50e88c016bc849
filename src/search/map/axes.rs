//! Principal component analysis of a few vectors, to three dimensions.
//!
//! There are far fewer vectors than dimensions, so the components are found from the matrix of the vectors' inner
//! products (its eigenvectors, scaled, are the coordinates), by Jacobi rotations: exact also where components are
//! nearly equal, and the same for the same vectors.

use super::eigen::eigen;

/// How much of an axis counts as nothing: rounding leaves about this much.
const NOTHING: f64 = 1e-9;

/// Points in three dimensions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axes {
    /// One point for each vector, in their order.
    pub points: Vec<[f64; 3]>,
    /// The share of the whole variance that each axis shows, 0…1.
    pub variance: [f64; 3],
}

/// Centers `vectors`, all of one length, and shows them along the three axes on which they differ most. On each axis
/// the point that lies farthest from the center has a positive coordinate, so that the picture does not flip.
pub(super) fn principal_axes(vectors: &[Vec<f64>]) -> Axes {
    let centered = centered(vectors);
    let products: Vec<Vec<f64>> = centered
        .iter()
        .map(|row| centered.iter().map(|column| dot(row, column)).collect())
        .collect();
    let total: f64 = products.iter().enumerate().map(|(n, row)| row[n]).sum();
    let mut axes = Axes {
        points: vec![[0.0; 3]; vectors.len()],
        variance: [0.0; 3],
    };
    if total <= NOTHING {
        return axes;
    }
    for (axis, (value, vector)) in eigen(products).into_iter().take(3).enumerate() {
        if value <= NOTHING * total {
            break;
        }
        axes.variance[axis] = (value / total).min(1.0);
        let scale = value.sqrt() * sign(&vector);
        for (point, component) in axes.points.iter_mut().zip(vector) {
            point[axis] = component * scale;
        }
    }
    axes
}

fn centered(vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut mean = vec![0.0; vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        for (sum, value) in mean.iter_mut().zip(vector) {
            *sum += value;
        }
    }
    let count = u32::try_from(vectors.len()).map_or(f64::INFINITY, f64::from);
    for sum in &mut mean {
        *sum /= count;
    }
    let center = |vector: &Vec<f64>| {
        vector
            .iter()
            .zip(&mean)
            .map(|(value, mean)| value - mean)
            .collect()
    };
    vectors.iter().map(center).collect()
}

/// 1 or −1: what makes the component farthest from 0 positive, the first one where several are as far.
fn sign(vector: &[f64]) -> f64 {
    let mut farthest = 0.0_f64;
    for component in vector {
        if component.abs() > farthest.abs() + NOTHING {
            farthest = *component;
        }
    }
    if farthest < 0.0 { -1.0 } else { 1.0 }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-6
    }

    fn distance(left: &[f64], right: &[f64]) -> f64 {
        left.iter()
            .zip(right)
            .map(|(a, b)| (a - b) * (a - b))
            .sum::<f64>()
            .sqrt()
    }

    #[test]
    fn constant_vectors_lie_at_the_center() {
        let axes = principal_axes(&vec![vec![0.3, -0.1, 0.7]; 5]);
        assert_eq!(axes.points, vec![[0.0; 3]; 5]);
        assert!(axes.variance.iter().all(|share| *share <= 0.0));
        assert!(principal_axes(&[]).points.is_empty());
        assert_eq!(principal_axes(&[vec![1.0, 2.0]]).points, [[0.0; 3]]);
    }

    #[test]
    fn two_vectors_differ_on_one_axis_only() {
        let axes = principal_axes(&[vec![1.0, 0.0, 0.0, 0.0], vec![0.0, 1.0, 0.0, 0.0]]);
        assert!(close(axes.points[0][0], 0.5_f64.sqrt()), "{axes:?}");
        assert!(close(axes.points[1][0], -(0.5_f64.sqrt())));
        assert!(
            axes.points
                .iter()
                .all(|point| point[1].abs() + point[2].abs() <= 0.0)
        );
        assert!(close(axes.variance[0], 1.0));
    }

    #[test]
    fn vectors_in_three_dimensions_keep_their_distances_and_the_widest_axis_comes_first() {
        let vectors: Vec<Vec<f64>> = [
            [9.0, 0.0, 1.0],
            [-9.0, 1.0, 0.0],
            [0.0, 4.0, -1.0],
            [1.0, -5.0, 2.0],
        ]
        .iter()
        .map(|vector| vector.to_vec())
        .collect();
        let axes = principal_axes(&vectors);
        for (n, left) in vectors.iter().enumerate() {
            for (m, right) in vectors.iter().enumerate() {
                assert!(close(
                    distance(left, right),
                    distance(&axes.points[n], &axes.points[m])
                ));
            }
        }
        let [first, second, third] = axes.variance;
        assert!(first > second && second > third && close(first + second + third, 1.0));
    }

    #[test]
    fn mirrored_vectors_do_not_flip_the_sign_rule() {
        let vectors = vec![vec![5.0, 0.0], vec![1.0, 0.5], vec![0.0, -0.5], vec![0.0, 0.0]];
        let mirrored: Vec<Vec<f64>> = vectors.iter().map(|v| v.iter().map(|x| -x).collect()).collect();
        let (one, other) = (principal_axes(&vectors), principal_axes(&mirrored));
        for (left, right) in one.points.iter().zip(&other.points) {
            assert!(
                left.iter().zip(right).all(|(a, b)| close(*a, *b)),
                "{one:?} {other:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_picture_is_finite_and_the_same_again(
            vectors in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, 8), 0..12)
        ) {
            let axes = principal_axes(&vectors);
            prop_assert_eq!(axes.points.len(), vectors.len());
            prop_assert!(axes.points.iter().flatten().all(|value| value.is_finite()));
            prop_assert!(axes.variance.iter().sum::<f64>() <= 1.0 + 1e-9);
            prop_assert_eq!(principal_axes(&vectors), axes);
        }
    }
}
