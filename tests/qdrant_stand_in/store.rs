//! Points in memory, and what queries find among them.

use super::filters::{Payload, passes};
use ::qdrant_client::qdrant::point_id::PointIdOptions;
use ::qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use ::qdrant_client::qdrant::vector::Vector as Stored;
use ::qdrant_client::qdrant::vector_input::Variant;
use ::qdrant_client::qdrant::vectors::VectorsOptions;
use ::qdrant_client::qdrant::{
    CreateCollection, Filter, PayloadSchemaInfo, PointId, PointsSelector, ScoredPoint, SparseVector, Vectors,
    vectors_config,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use tonic::Status;

/// A collection.
pub(super) struct Collection {
    pub(super) made_as: CreateCollection,
    pub(super) indexes: HashMap<String, PayloadSchemaInfo>,
    pub(super) points: BTreeMap<u64, Point>,
}

/// A point.
#[derive(Default)]
pub(super) struct Point {
    pub(super) payload: Payload,
    pub(super) dense: Option<Vec<f32>>,
    pub(super) sparse: Option<SparseVector>,
}

/// The number of a point id.
pub(super) fn number(id: Option<PointId>) -> Result<u64, Status> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Num(number)) => Ok(number),
        _ => Err(Status::invalid_argument("a point id that is no number")),
    }
}

/// A point id of a number.
pub(super) fn id(number: u64) -> PointId {
    PointId {
        point_id_options: Some(PointIdOptions::Num(number)),
    }
}

impl Collection {
    pub(super) fn new(made_as: CreateCollection) -> Self {
        Self {
            made_as,
            indexes: HashMap::new(),
            points: BTreeMap::new(),
        }
    }

    /// Vectors as the collection's parameters allow them.
    pub(super) fn set_vectors(&self, point: &mut Point, vectors: Option<Vectors>) -> Result<(), Status> {
        let Some(VectorsOptions::Vectors(named)) = vectors.and_then(|vectors| vectors.vectors_options) else {
            return Err(Status::invalid_argument("vectors without names"));
        };
        for (name, vector) in named.vectors {
            match (name.as_str(), vector.vector) {
                ("dense", Some(Stored::Dense(dense))) => {
                    if self.dimension() != Some(dense.data.len()) {
                        return Err(Status::invalid_argument("Vector dimension error"));
                    }
                    point.dense = Some(dense.data);
                }
                ("sparse", Some(Stored::Sparse(sparse))) => point.sparse = Some(sparse),
                _ => {
                    return Err(Status::invalid_argument(format!(
                        "Not existing vector name {name}"
                    )));
                }
            }
        }
        Ok(())
    }

    fn dimension(&self) -> Option<usize> {
        match self.made_as.vectors_config.as_ref()?.config.as_ref()? {
            vectors_config::Config::ParamsMap(map) => map
                .map
                .get("dense")
                .map(|params| usize::try_from(params.size).unwrap()),
            vectors_config::Config::Params(_) => None,
        }
    }

    /// The ids that a selector names.
    pub(super) fn selected(&self, selector: Option<PointsSelector>) -> Result<HashSet<u64>, Status> {
        match selector.and_then(|selector| selector.points_selector_one_of) {
            Some(PointsSelectorOneOf::Points(list)) => {
                list.ids.into_iter().map(|id| number(Some(id))).collect()
            }
            Some(PointsSelectorOneOf::Filter(filter)) => self.filtered(Some(&filter)),
            None => Err(Status::invalid_argument("no points selected")),
        }
    }

    /// The ids that pass a filter.
    pub(super) fn filtered(&self, filter: Option<&Filter>) -> Result<HashSet<u64>, Status> {
        let mut found = HashSet::new();
        for (id, point) in &self.points {
            if passes(filter, &point.payload).map_err(Status::unimplemented)? {
                found.insert(*id);
            }
        }
        Ok(found)
    }

    /// The nearest that pass the filter. Ties come in the order that is least expected.
    pub(super) fn query(
        &self,
        vector: &Variant,
        using: &str,
        filter: Option<&Filter>,
        limit: usize,
    ) -> Result<Vec<ScoredPoint>, Status> {
        let within = self.filtered(filter)?;
        let inside = self.points.iter().rev().filter(|(id, _)| within.contains(id));
        let mut scored: Vec<(u64, f32)> = match (using, vector) {
            ("dense", Variant::Dense(query)) => {
                if self.dimension() != Some(query.data.len()) {
                    return Err(Status::invalid_argument("Vector dimension error"));
                }
                inside
                    .filter_map(|(id, point)| Some((*id, cosine(&query.data, point.dense.as_ref()?))))
                    .collect()
            }
            ("sparse", Variant::Sparse(query)) => {
                let weights = self.weights(query);
                inside
                    .filter_map(|(id, point)| Some((*id, dot(&weights, point.sparse.as_ref()?)?)))
                    .collect()
            }
            _ => {
                return Err(Status::invalid_argument(format!(
                    "Not existing vector name {using}"
                )));
            }
        };
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored.truncate(limit);
        let points = scored.into_iter().map(|(number, score)| ScoredPoint {
            id: Some(id(number)),
            payload: self.points[&number].payload.clone(),
            score,
            ..ScoredPoint::default()
        });
        Ok(points.collect())
    }

    /// Query weights times IDF, which counts the whole collection, as the server does.
    fn weights(&self, query: &SparseVector) -> HashMap<u32, f32> {
        let with_terms: Vec<&SparseVector> = self.points.values().filter_map(|p| p.sparse.as_ref()).collect();
        let total = count(with_terms.len());
        query
            .indices
            .iter()
            .zip(&query.values)
            .map(|(index, value)| {
                let holding = with_terms.iter().filter(|v| v.indices.contains(index)).count();
                let holding = count(holding);
                let idf = ((total - holding + 0.5) / (holding + 0.5) + 1.0).ln();
                (*index, value * idf)
            })
            .collect()
    }
}

fn count(number: usize) -> f32 {
    f32::from(u16::try_from(number).unwrap())
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
    a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>() / (length(a) * length(b))
}

/// `None` when they have no term in common.
fn dot(weights: &HashMap<u32, f32>, vector: &SparseVector) -> Option<f32> {
    let terms = vector.indices.iter().zip(&vector.values);
    let products: Vec<f32> = terms
        .filter_map(|(index, value)| Some(weights.get(index)? * value))
        .collect();
    (!products.is_empty()).then(|| products.iter().sum())
}
