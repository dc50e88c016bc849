//! The results of a search as points, as Astrolabe plots them.

use crate::search::{Picture, SearchMap};
use serde::Serialize;
use utoipa::ToSchema;

/// Coordinates; empty lists where there is no picture.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Points {
    /// One for each result, in their order.
    #[schema(value_type = Vec<Vec<f64>>)]
    coordinates_3d: Vec<[f64; 3]>,
    /// Three numbers, or none.
    query_coords: Vec<f64>,
    /// How much of the truth each axis shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pca_variance: Option<Variance>,
}

/// The share of the variance that each axis shows.
#[derive(Debug, Serialize, ToSchema)]
struct Variance {
    /// Of x.
    pc1: f64,
    /// Of y.
    pc2: f64,
    /// Of z.
    pc3: f64,
}

impl Points {
    /// The points of `map`, whose answer says so when some results have no place of their own yet.
    pub(super) fn of(map: &mut SearchMap) -> Self {
        let Some(picture) = map.picture.take() else {
            return Self::default();
        };
        if picture.without_vector > 0 {
            let note = format!(
                "{} results have no vector yet and are drawn at the center",
                picture.without_vector
            );
            let degraded = &mut map.response.degraded;
            *degraded = Some(
                degraded
                    .take()
                    .map_or(note.clone(), |known| format!("{known}; {note}")),
            );
        }
        let Picture {
            results,
            query,
            variance: [pc1, pc2, pc3],
            ..
        } = picture;
        Self {
            coordinates_3d: results,
            query_coords: query.map(Vec::from).unwrap_or_default(),
            pca_variance: Some(Variance { pc1, pc2, pc3 }),
        }
    }
}
