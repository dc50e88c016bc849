//! The results of one search as points in three dimensions.
//!
//! | file | concept |
//! |---|---|
//! | `axes` | principal component analysis |
//! | `eigen` | eigenvectors of a small matrix |

mod axes;
mod eigen;

use super::SearchResponse;
use crate::ids::ChunkId;
use crate::index::half;
use axes::principal_axes;
use sqlx::PgPool;
use std::collections::HashMap;

/// A search's answer with its picture.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchMap {
    /// The answer.
    pub response: SearchResponse,
    /// Where its results lie; `None` with fewer than two results that have a vector.
    pub picture: Option<Picture>,
}

/// Results and query in three dimensions, along the axes on which they differ most.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// One point for each result, in the results' order. A result without a vector yet lies at the center.
    pub results: Vec<[f64; 3]>,
    /// The query; `None` when it could not be embedded.
    pub query: Option<[f64; 3]>,
    /// The share of the variance that each axis shows, 0…1.
    pub variance: [f64; 3],
    /// Results without a vector.
    pub without_vector: usize,
}

/// The picture of `chunks` (the results' passages in their order) and the query's vector.
pub(super) async fn picture(
    pool: &PgPool,
    chunks: &[ChunkId],
    query: Option<Vec<f32>>,
) -> Result<Option<Picture>, sqlx::Error> {
    let ids: Vec<i64> = chunks.iter().map(|chunk| chunk.0).collect();
    let rows = sqlx::query!(
        r#"select id, dense as "dense!" from chunks where id = any($1::bigint[]) and dense is not null"#,
        &ids
    )
    .fetch_all(pool)
    .await?;
    let mut stored: HashMap<i64, Vec<f32>> = rows
        .into_iter()
        .filter_map(|row| Some((row.id, half::decode(&row.dense)?)))
        .collect();
    let vectors: Vec<Option<Vec<f32>>> = ids.iter().map(|id| stored.remove(id)).collect();
    Ok(draw(&vectors, query.as_deref()))
}

fn draw(results: &[Option<Vec<f32>>], query: Option<&[f32]>) -> Option<Picture> {
    // A vector of another model's length, left from before a change, cannot be compared.
    let length = query.map_or_else(
        || results.iter().flatten().next().map(Vec::len),
        |query| Some(query.len()),
    )?;
    let comparable: Vec<Option<Vec<f64>>> = results
        .iter()
        .map(|vector| {
            vector
                .as_deref()
                .filter(|vector| vector.len() == length)
                .map(unit)
        })
        .collect();
    let placed = comparable.iter().flatten().count();
    if placed < 2 {
        return None;
    }
    let all: Vec<Vec<f64>> = comparable
        .iter()
        .flatten()
        .cloned()
        .chain(query.map(unit))
        .collect();
    let axes = principal_axes(&all);
    let mut points = axes.points.into_iter();
    let results = comparable
        .iter()
        .map(|vector| vector.as_ref().and_then(|_| points.next()).unwrap_or_default())
        .collect();
    Some(Picture {
        without_vector: comparable.len() - placed,
        results,
        query: points.next(),
        variance: axes.variance,
    })
}

/// Of length 1, as the cosine compares them; a vector of zeros stays.
fn unit(vector: &[f32]) -> Vec<f64> {
    let length = vector
        .iter()
        .map(|value| f64::from(*value) * f64::from(*value))
        .sum::<f64>()
        .sqrt();
    let scale = if length > 0.0 && length.is_finite() {
        1.0 / length
    } else {
        0.0
    };
    vector.iter().map(|value| f64::from(*value) * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_has_one_point_also_without_a_vector() {
        let results = [
            Some(vec![1.0, 0.0, 0.0]),
            None,
            Some(vec![0.0, 2.0, 0.0]),
            Some(vec![1.0]),
        ];
        let picture = draw(&results, Some(&[0.0, 0.0, 1.0])).unwrap();
        assert_eq!((picture.results.len(), picture.without_vector), (4, 2));
        let far = |n: usize| picture.results[n].iter().map(|x| x.abs()).sum::<f64>();
        assert!(far(1) <= 0.0 && far(3) <= 0.0);
        assert!(picture.query.is_some());
        assert!(far(0) > 0.1 && far(2) > 0.1);
    }

    #[test]
    fn fewer_than_two_vectors_make_no_picture() {
        assert_eq!(draw(&[], Some(&[1.0])), None);
        assert_eq!(draw(&[Some(vec![1.0, 0.0])], Some(&[0.0, 1.0])), None);
        assert_eq!(draw(&[Some(vec![1.0]), None], None), None);
        let two = draw(&[Some(vec![1.0, 0.0]), Some(vec![0.0, 1.0])], None).unwrap();
        assert_eq!((two.results.len(), two.query), (2, None));
    }

    #[test]
    fn fifty_results_are_drawn_in_little_time() {
        let vector = |seed: usize| -> Vec<f32> {
            (0..384_usize)
                .map(|n| f32::from(u8::try_from((seed * 31 + n * 17 + seed * n) % 251).unwrap()) - 125.0)
                .collect()
        };
        let results: Vec<_> = (0..50).map(|seed| Some(vector(seed))).collect();
        let began = std::time::Instant::now();
        assert_eq!(draw(&results, Some(&vector(99))).unwrap().results.len(), 50);
        // Ten times the bound of 40 ms: tests run unoptimized and beside others.
        assert!(
            began.elapsed() < std::time::Duration::from_millis(400),
            "{:?}",
            began.elapsed()
        );
    }
}
