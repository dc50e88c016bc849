//! The gRPC services: what the adapter needs answers, everything else is a violation.

use super::filters::is_confined_throughout;
use super::store::{self, Collection, Point};
use super::{MOST_POINTS, Service};
use ::qdrant_client::qdrant::collections_server::Collections;
use ::qdrant_client::qdrant::points_server::Points;
use ::qdrant_client::qdrant::qdrant_server::Qdrant;
use ::qdrant_client::qdrant::with_payload_selector::SelectorOptions;
use ::qdrant_client::qdrant::{
    ChangeAliases, ClearPayloadPoints, CollectionClusterInfoRequest, CollectionClusterInfoResponse,
    CollectionConfig, CollectionDescription, CollectionExists, CollectionExistsRequest,
    CollectionExistsResponse, CollectionInfo, CollectionOperationResponse, CollectionParams,
    CollectionStatus, CountPoints, CountResponse, CountResult, CreateCollection, CreateFieldIndexCollection,
    CreateShardKeyRequest, CreateShardKeyResponse, CreateVectorNameRequest, DeleteCollection,
    DeleteFieldIndexCollection, DeletePayloadPoints, DeletePointVectors, DeletePoints, DeleteShardKeyRequest,
    DeleteShardKeyResponse, DeleteVectorNameRequest, DiscoverBatchPoints, DiscoverBatchResponse,
    DiscoverPoints, DiscoverResponse, FacetCounts, FacetResponse, GetCollectionInfoRequest,
    GetCollectionInfoResponse, GetPoints, GetResponse, HealthCheckReply, HealthCheckRequest,
    ListAliasesRequest, ListAliasesResponse, ListCollectionAliasesRequest, ListCollectionsRequest,
    ListCollectionsResponse, ListShardKeysRequest, ListShardKeysResponse, PayloadSchemaInfo,
    PointsOperationResponse, QueryBatchPoints, QueryBatchResponse, QueryGroupsResponse, QueryPointGroups,
    QueryPoints, QueryResponse, RecommendBatchPoints, RecommendBatchResponse, RecommendGroupsResponse,
    RecommendPointGroups, RecommendPoints, RecommendResponse, RetrievedPoint, ScrollPoints, ScrollResponse,
    SearchBatchPoints, SearchBatchResponse, SearchGroupsResponse, SearchMatrixOffsetsResponse,
    SearchMatrixPairsResponse, SearchMatrixPoints, SearchPointGroups, SearchPoints, SearchResponse,
    SetPayloadPoints, UpdateBatchPoints, UpdateBatchResponse, UpdateCollection,
    UpdateCollectionClusterSetupRequest, UpdateCollectionClusterSetupResponse, UpdatePointVectors,
    UpdateResult, UpdateStatus, UpsertPoints, query,
};
use tonic::{Request, Response, Status};

/// Methods that no client of ours should call, in the form that `async_trait` gives them.
macro_rules! refused {
    ($($name:ident: $request:ident => $answer:ident,)*) => {$(
        fn $name<'service, 'async_trait>(
            &'service self,
            _request: Request<$request>,
        ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response<$answer>, Status>> + Send + 'async_trait>>
        where
            'service: 'async_trait,
            Self: 'async_trait,
        {
            let refusal = self.violation(concat!("the method ", stringify!($name)));
            Box::pin(async move { Err(refusal) })
        }
    )*};
}

/// What a change answers; nothing when its answer is to be lost.
fn changed(lost: bool) -> Result<Response<PointsOperationResponse>, Status> {
    if lost {
        return Err(Status::unavailable("the connection was lost before the answer"));
    }
    Ok(Response::new(PointsOperationResponse {
        result: Some(UpdateResult {
            status: UpdateStatus::Completed.into(),
            ..UpdateResult::default()
        }),
        ..PointsOperationResponse::default()
    }))
}

impl Service {
    /// Changes must wait until they are applied, and must not be too large.
    fn check_change(&self, method: &str, wait: Option<bool>, points: usize) -> Result<(), Status> {
        if wait != Some(true) {
            return Err(self.violation(format!("{method} without wait")));
        }
        if points > MOST_POINTS {
            return Err(self.violation(format!("{method} of {points} points in one request")));
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl Points for Service {
    async fn upsert(
        &self,
        request: Request<UpsertPoints>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let (request, lost) = self.admit("upsert", request).await?;
        self.check_change("upsert", request.wait, request.points.len())?;
        self.with(&request.collection_name, |collection| {
            for given in request.points {
                let mut point = Point {
                    payload: given.payload,
                    ..Point::default()
                };
                collection.set_vectors(&mut point, given.vectors)?;
                collection.points.insert(store::number(given.id)?, point);
            }
            Ok(())
        })?;
        changed(lost)
    }

    async fn delete(
        &self,
        request: Request<DeletePoints>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let (request, lost) = self.admit("delete", request).await?;
        self.check_change("delete", request.wait, 0)?;
        self.with(&request.collection_name, |collection| {
            let gone = collection.selected(request.points)?;
            collection.points.retain(|id, _| !gone.contains(id));
            Ok(())
        })?;
        changed(lost)
    }

    /// Ids only: a point's content is read by queries, which name their tenants.
    async fn get(&self, request: Request<GetPoints>) -> Result<Response<GetResponse>, Status> {
        let (request, _) = self.admit("get", request).await?;
        let payload = request
            .with_payload
            .and_then(|selector| selector.selector_options);
        if payload != Some(SelectorOptions::Enable(false)) || request.with_vectors.is_some() {
            return Err(self.violation("get of more than ids"));
        }
        let result = self.with(&request.collection_name, |collection| {
            let mut found = Vec::new();
            for id in request.ids {
                let number = store::number(Some(id))?;
                if collection.points.contains_key(&number) {
                    found.push(RetrievedPoint {
                        id: Some(store::id(number)),
                        ..RetrievedPoint::default()
                    });
                }
            }
            Ok(found)
        })?;
        Ok(Response::new(GetResponse {
            result,
            ..GetResponse::default()
        }))
    }

    async fn update_vectors(
        &self,
        request: Request<UpdatePointVectors>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let (request, lost) = self.admit("update_vectors", request).await?;
        self.check_change("update_vectors", request.wait, request.points.len())?;
        self.with(&request.collection_name, |collection| {
            for given in request.points {
                let number = store::number(given.id)?;
                let Some(mut point) = collection.points.remove(&number) else {
                    return Err(Status::not_found(format!("No point with id {number} found")));
                };
                let set = collection.set_vectors(&mut point, given.vectors);
                collection.points.insert(number, point);
                set?;
            }
            Ok(())
        })?;
        changed(lost)
    }

    async fn set_payload(
        &self,
        request: Request<SetPayloadPoints>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let (request, lost) = self.admit("set_payload", request).await?;
        self.check_change("set_payload", request.wait, 0)?;
        self.with(&request.collection_name, |collection| {
            for id in collection.selected(request.points_selector)? {
                if let Some(point) = collection.points.get_mut(&id) {
                    point.payload.extend(request.payload.clone());
                }
            }
            Ok(())
        })?;
        changed(lost)
    }

    async fn create_field_index(
        &self,
        request: Request<CreateFieldIndexCollection>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let (request, lost) = self.admit("create_field_index", request).await?;
        self.check_change("create_field_index", request.wait, 0)?;
        self.with(&request.collection_name, |collection| {
            let schema = PayloadSchemaInfo {
                params: request.field_index_params,
                ..PayloadSchemaInfo::default()
            };
            collection.indexes.insert(request.field_name, schema);
            Ok(())
        })?;
        changed(lost)
    }

    /// Numbers of points are no content.
    async fn count(&self, request: Request<CountPoints>) -> Result<Response<CountResponse>, Status> {
        let (request, _) = self.admit("count", request).await?;
        let count = self.with(&request.collection_name, |collection| {
            collection.filtered(request.filter.as_ref())
        })?;
        Ok(Response::new(CountResponse {
            result: Some(CountResult {
                count: count.len() as u64,
            }),
            ..CountResponse::default()
        }))
    }

    async fn query(&self, request: Request<QueryPoints>) -> Result<Response<QueryResponse>, Status> {
        let (request, _) = self.admit("query", request).await?;
        if !is_confined_throughout(&request) {
            return Err(self.violation("a query or prefetch without a tenant filter"));
        }
        let Some(query::Variant::Nearest(vector)) = request.query.and_then(|query| query.variant) else {
            return Err(self.violation("a query that is not for the nearest"));
        };
        let Some(vector) = vector.variant.filter(|_| request.prefetch.is_empty()) else {
            return Err(self.violation("a query of several lists"));
        };
        let limit = request.limit.map_or(10, |limit| usize::try_from(limit).unwrap());
        let result = self.with(&request.collection_name, |collection| {
            let indexed = ["acc", "doc"]
                .iter()
                .all(|field| collection.indexes.contains_key(*field));
            if !indexed {
                return Err(Status::failed_precondition("Index required but not found"));
            }
            collection.query(
                &vector,
                &request.using.unwrap_or_default(),
                request.filter.as_ref(),
                limit,
            )
        })?;
        Ok(Response::new(QueryResponse {
            result,
            ..QueryResponse::default()
        }))
    }

    refused! {
        delete_vectors: DeletePointVectors => PointsOperationResponse,
        overwrite_payload: SetPayloadPoints => PointsOperationResponse,
        delete_payload: DeletePayloadPoints => PointsOperationResponse,
        clear_payload: ClearPayloadPoints => PointsOperationResponse,
        delete_field_index: DeleteFieldIndexCollection => PointsOperationResponse,
        create_vector_name: CreateVectorNameRequest => PointsOperationResponse,
        delete_vector_name: DeleteVectorNameRequest => PointsOperationResponse,
        search: SearchPoints => SearchResponse,
        search_batch: SearchBatchPoints => SearchBatchResponse,
        search_groups: SearchPointGroups => SearchGroupsResponse,
        scroll: ScrollPoints => ScrollResponse,
        recommend: RecommendPoints => RecommendResponse,
        recommend_batch: RecommendBatchPoints => RecommendBatchResponse,
        recommend_groups: RecommendPointGroups => RecommendGroupsResponse,
        discover: DiscoverPoints => DiscoverResponse,
        discover_batch: DiscoverBatchPoints => DiscoverBatchResponse,
        update_batch: UpdateBatchPoints => UpdateBatchResponse,
        query_batch: QueryBatchPoints => QueryBatchResponse,
        query_groups: QueryPointGroups => QueryGroupsResponse,
        facet: FacetCounts => FacetResponse,
        search_matrix_pairs: SearchMatrixPoints => SearchMatrixPairsResponse,
        search_matrix_offsets: SearchMatrixPoints => SearchMatrixOffsetsResponse,
    }
}

#[tonic::async_trait]
impl Collections for Service {
    async fn get(
        &self,
        request: Request<GetCollectionInfoRequest>,
    ) -> Result<Response<GetCollectionInfoResponse>, Status> {
        let (request, _) = self.admit("collection_info", request).await?;
        let info = self.with(&request.collection_name, |collection| {
            let params = CollectionParams {
                vectors_config: collection.made_as.vectors_config.clone(),
                sparse_vectors_config: collection.made_as.sparse_vectors_config.clone(),
                ..CollectionParams::default()
            };
            Ok(CollectionInfo {
                status: CollectionStatus::Green.into(),
                config: Some(CollectionConfig {
                    params: Some(params),
                    ..CollectionConfig::default()
                }),
                payload_schema: collection.indexes.clone(),
                ..CollectionInfo::default()
            })
        })?;
        Ok(Response::new(GetCollectionInfoResponse {
            result: Some(info),
            ..GetCollectionInfoResponse::default()
        }))
    }

    async fn list(
        &self,
        request: Request<ListCollectionsRequest>,
    ) -> Result<Response<ListCollectionsResponse>, Status> {
        self.admit("list_collections", request).await?;
        let names = self.state().collections.keys().cloned().collect::<Vec<_>>();
        let collections = names.into_iter().map(|name| CollectionDescription { name });
        Ok(Response::new(ListCollectionsResponse {
            collections: collections.collect(),
            ..ListCollectionsResponse::default()
        }))
    }

    async fn create(
        &self,
        request: Request<CreateCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        let (request, lost) = self.admit("create_collection", request).await?;
        let name = request.collection_name.clone();
        if self.state().collections.contains_key(&name) {
            return Err(Status::already_exists(format!(
                "Collection `{name}` already exists!"
            )));
        }
        self.state().collections.insert(name, Collection::new(request));
        if lost {
            return Err(Status::unavailable("the connection was lost before the answer"));
        }
        Ok(Response::new(CollectionOperationResponse {
            result: true,
            time: 0.0,
        }))
    }

    async fn delete(
        &self,
        request: Request<DeleteCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        let (request, _) = self.admit("delete_collection", request).await?;
        let result = self
            .state()
            .collections
            .remove(&request.collection_name)
            .is_some();
        Ok(Response::new(CollectionOperationResponse { result, time: 0.0 }))
    }

    async fn collection_exists(
        &self,
        request: Request<CollectionExistsRequest>,
    ) -> Result<Response<CollectionExistsResponse>, Status> {
        let (request, _) = self.admit("collection_exists", request).await?;
        let exists = self.state().collections.contains_key(&request.collection_name);
        Ok(Response::new(CollectionExistsResponse {
            result: Some(CollectionExists { exists }),
            ..CollectionExistsResponse::default()
        }))
    }

    refused! {
        update: UpdateCollection => CollectionOperationResponse,
        update_aliases: ChangeAliases => CollectionOperationResponse,
        list_collection_aliases: ListCollectionAliasesRequest => ListAliasesResponse,
        list_aliases: ListAliasesRequest => ListAliasesResponse,
        collection_cluster_info: CollectionClusterInfoRequest => CollectionClusterInfoResponse,
        update_collection_cluster_setup: UpdateCollectionClusterSetupRequest => UpdateCollectionClusterSetupResponse,
        create_shard_key: CreateShardKeyRequest => CreateShardKeyResponse,
        delete_shard_key: DeleteShardKeyRequest => DeleteShardKeyResponse,
        list_shard_keys: ListShardKeysRequest => ListShardKeysResponse,
    }
}

#[tonic::async_trait]
impl Qdrant for Service {
    async fn health_check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckReply>, Status> {
        self.admit("health_check", request).await?;
        Ok(Response::new(HealthCheckReply {
            title: "qdrant - vector search engine".to_owned(),
            version: "1.18.0".to_owned(),
            ..HealthCheckReply::default()
        }))
    }
}
