//! Eigenvalues and eigenvectors of a small symmetric matrix, by cyclic Jacobi rotations.

/// Rounds over the whole matrix; six to ten are enough for any matrix of this size.
const ROUNDS: usize = 30;
/// Sum of squares beside the diagonal, as a share of the whole, that counts as none.
const DIAGONAL: f64 = 1e-24;

/// Eigenvalues with their unit eigenvectors, the largest first. `matrix` is square and symmetric.
pub(super) fn eigen(mut matrix: Vec<Vec<f64>>) -> Vec<(f64, Vec<f64>)> {
    let size = matrix.len();
    let mut vectors: Vec<Vec<f64>> = (0..size)
        .map(|row| {
            (0..size)
                .map(|column| f64::from(u8::from(row == column)))
                .collect()
        })
        .collect();
    let whole: f64 = matrix.iter().flatten().map(|value| value * value).sum();
    for _ in 0..ROUNDS {
        if beside_the_diagonal(&matrix) <= DIAGONAL * whole {
            break;
        }
        for row in 0..size {
            for column in row + 1..size {
                rotate(&mut matrix, &mut vectors, row, column);
            }
        }
    }
    let mut found: Vec<(f64, Vec<f64>)> = vectors
        .into_iter()
        .enumerate()
        .map(|(n, vector)| (matrix[n][n], vector))
        .collect();
    found.sort_by(|left, right| right.0.total_cmp(&left.0));
    found
}

fn beside_the_diagonal(matrix: &[Vec<f64>]) -> f64 {
    let row_sum =
        |(n, row): (usize, &Vec<f64>)| -> f64 { row.iter().skip(n + 1).map(|value| value * value).sum() };
    2.0 * matrix.iter().enumerate().map(row_sum).sum::<f64>()
}

/// Turns the plane of two axes so that their common element becomes 0. `vectors` holds one axis in each row.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    let common = matrix[p][q];
    if common == 0.0 {
        return;
    }
    let ratio = (matrix[q][q] - matrix[p][p]) / (2.0 * common);
    // The smaller of the two angles: the one that keeps the rotations convergent.
    let tangent = if ratio.is_finite() {
        ratio.signum() / (ratio.abs() + ratio.hypot(1.0))
    } else {
        0.0
    };
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for row in matrix.iter_mut() {
        let (left, right) = (row[p], row[q]);
        row[p] = cosine * left - sine * right;
        row[q] = sine * left + cosine * right;
    }
    turn_rows(matrix, (p, q), (cosine, sine));
    turn_rows(vectors, (p, q), (cosine, sine));
    matrix[p][q] = 0.0;
    matrix[q][p] = 0.0;
}

/// `p` < `q`.
fn turn_rows(rows: &mut [Vec<f64>], (p, q): (usize, usize), (cosine, sine): (f64, f64)) {
    let (upper, lower) = rows.split_at_mut(q);
    for (first, second) in upper[p].iter_mut().zip(lower[0].iter_mut()) {
        let (left, right) = (*first, *second);
        *first = cosine * left - sine * right;
        *second = sine * left + cosine * right;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_matrix_has_its_known_values() {
        let found = eigen(vec![
            vec![2.0, 1.0, 0.0],
            vec![1.0, 2.0, 0.0],
            vec![0.0, 0.0, 5.0],
        ]);
        let values: Vec<f64> = found.iter().map(|(value, _)| *value).collect();
        for (value, expected) in values.iter().zip([5.0, 3.0, 1.0]) {
            assert!((value - expected).abs() < 1e-12, "{values:?}");
        }
        let third = &found[1].1;
        assert!(
            (third[0] - third[1]).abs() < 1e-12 && third[2].abs() < 1e-12,
            "{third:?}"
        );
    }

    #[test]
    fn each_vector_is_only_stretched_by_its_matrix() {
        let size = 51;
        let matrix: Vec<Vec<f64>> = (0..size)
            .map(|row| {
                (0..size)
                    .map(|column| f64::from((row * column + row + column) % 17) - 8.0)
                    .collect()
            })
            .collect();
        for (value, vector) in eigen(matrix.clone()) {
            let length: f64 = vector.iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-9);
            for (row, component) in matrix.iter().zip(&vector) {
                let product: f64 = row.iter().zip(&vector).map(|(a, b)| a * b).sum();
                assert!((product - value * component).abs() < 1e-7);
            }
        }
    }
}
