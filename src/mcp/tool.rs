//! What a tool is: its description for the model, and what runs.

use super::apps::NextcloudApp;
use super::error::ToolError;
use super::server::Services;
use super::{arguments, schema};
use crate::audit::AuditOrigin;
use crate::auth::Caller;
use crate::auth::scopes::Scope;
use crate::nextcloud::UserSession;
use chrono::SecondsFormat;
use futures::future::BoxFuture;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// What a tool does to the world. All tools are open-world: Nextcloud changes by other hands too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Reads only.
    Reads,
    /// Changes something; calling twice changes it twice.
    Changes,
    /// Changes something; calling twice is like calling once.
    ChangesOnce,
    /// Destroys something; calling twice is like calling once.
    Destroys,
}

impl Effect {
    fn annotations(self, title: &str) -> ToolAnnotations {
        let hints = ToolAnnotations::with_title(title).open_world(true);
        match self {
            Self::Reads => hints.read_only(true),
            Self::Changes => hints.destructive(false).idempotent(false),
            Self::ChangesOnce => hints.destructive(false).idempotent(true),
            Self::Destroys => hints.destructive(true).idempotent(true),
        }
    }
}

/// Arguments of a tool that takes none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoArguments {}

/// What every result begins with.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answered {
    success: bool,
    /// RFC 3339, UTC.
    timestamp: String,
}

/// What a running tool has at hand.
#[derive(Clone)]
pub(super) struct ToolContext {
    pub(super) caller: Caller,
    /// From where it calls.
    pub(super) origin: AuditOrigin,
    pub(super) services: Arc<Services>,
}

impl ToolContext {
    /// Nextcloud in the caller's name, which may first have to be allowed.
    pub(super) async fn nextcloud(&self) -> Result<UserSession, ToolError> {
        Ok(self.caller.session().await?)
    }

    /// The beginning of a result.
    pub(super) fn answered(&self) -> Answered {
        let timestamp = self
            .services
            .clock
            .now()
            .to_rfc3339_opts(SecondsFormat::Millis, true);
        Answered {
            success: true,
            timestamp,
        }
    }
}

type Run = Box<dyn Fn(ToolContext, JsonObject) -> BoxFuture<'static, Result<Value, ToolError>> + Send + Sync>;

/// A tool as it is listed and run.
pub(super) struct ToolEntry {
    pub(super) tool: Tool,
    /// What a caller's token must allow.
    pub(super) scope: Scope,
    /// The Nextcloud app that must be enabled for the user; `None`: a part of every Nextcloud, or of this server.
    pub(super) app: Option<NextcloudApp>,
    run: Run,
}

impl ToolEntry {
    /// A tool with typed arguments and result.
    pub(super) fn new<A, R, F, Fut>(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        effect: Effect,
        scope: Scope,
        run: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + 'static,
        F: Fn(ToolContext, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
    {
        let input = schema::of_arguments::<A>();
        let tool = Tool::new(name, description, Arc::clone(&input))
            .with_raw_output_schema(schema::of_result::<R>())
            .with_annotations(effect.annotations(title));
        let run: Run = Box::new(
            move |context, arguments| match arguments::parse::<A>(&input, arguments) {
                Ok(arguments) => {
                    let running = run(context, arguments);
                    Box::pin(async move {
                        serde_json::to_value(running.await?)
                            .map_err(|error| ToolError::Internal(Box::new(error)))
                    })
                }
                Err(fault) => Box::pin(std::future::ready(Err(ToolError::Arguments(fault)))),
            },
        );
        Self {
            tool,
            scope,
            app: None,
            run,
        }
    }

    /// The same tool of an app that can be disabled.
    pub(super) fn of_app(self, app: NextcloudApp) -> Self {
        Self {
            app: Some(app),
            ..self
        }
    }

    /// Checks the arguments and runs the tool.
    pub(super) fn run(
        &self,
        context: ToolContext,
        arguments: JsonObject,
    ) -> BoxFuture<'static, Result<Value, ToolError>> {
        (self.run)(context, arguments)
    }
}
