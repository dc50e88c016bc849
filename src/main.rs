//! The command line. Everything it does lives in the library.

#![expect(
    clippy::doc_markdown,
    reason = "these comments are the --help, where backticks would be read"
)]

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use nextcloud_mcp_server::app::{self, AuditQuery, ExitReason, Since};
use nextcloud_mcp_server::audit::AuditAction;
use nextcloud_mcp_server::config::{CliOverrides, Config, Environment, Role};
use nextcloud_mcp_server::sandbox;
use std::process::ExitCode;
use std::time::Duration;

/// What tasks that do not end by themselves get at the very end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// AI clients get safe access to a user's Nextcloud, searched from an index that is kept in step.
///
/// Configuration comes from environment variables; each secret may also come from the file that
/// `<NAME>_FILE` names. The least that is needed, for one account:
///
///   NEXTCLOUD_HOST=https://cloud.example.com
///   NEXTCLOUD_USERNAME=me
///   NEXTCLOUD_PASSWORD=<an app password>
///   VECTOR_SYNC_ENABLED=true
///
/// For several users: ENABLE_MULTI_USER_BASIC_AUTH=true (each request brings its own Basic credentials);
/// with ENABLE_OFFLINE_ACCESS=true and TOKEN_ENCRYPTION_KEY users may hand over a credential for the
/// background sync. All variables: docs/configuration.md.
#[derive(Debug, Parser)]
#[command(
    name = "nextcloud-mcp-server",
    version,
    verbatim_doc_comment,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP and the HTTP API, and sync in the background (the default).
    Serve(ServeArgs),
    /// Serve MCP over standard input and output, for one account.
    Stdio,
    /// Bring the database schema up to date, then exit.
    Migrate,
    /// Rebuild the search index from the database, then exit. Nextcloud is not asked.
    Reindex,
    /// Check each part and say what to do where something is wrong.
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print who did what to whom, when and from where. Only the database is asked.
    Audit(AuditArgs),
    /// Encrypt every stored secret with TOKEN_ENCRYPTION_KEY, so that TOKEN_ENCRYPTION_KEY_PREVIOUS can go.
    /// It may be stopped and run again, and run beside a server.
    RotateKeys {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the description of the HTTP API (OpenAPI 3.1, JSON).
    Openapi,
    /// Print every configuration variable as Markdown.
    ConfigReference,
}

#[derive(Debug, Args)]
struct AuditArgs {
    /// Only what this UID did, or what was done to it.
    #[arg(long, value_name = "UID")]
    user: Option<String>,
    /// Only this action.
    #[arg(long, value_parser = action_parser())]
    action: Option<AuditAction>,
    /// Only from then on: 2026-11-23, 2026-11-23T08:00:00Z, or a span such as 24h or 7d.
    #[arg(long)]
    since: Option<Since>,
    /// At most this many lines, the newest.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

fn action_parser() -> impl TypedValueParser<Value = AuditAction> {
    PossibleValuesParser::new(AuditAction::ALL.map(AuditAction::name))
        .try_map(|name| AuditAction::parse(&name).ok_or("no such action"))
}

impl From<AuditArgs> for AuditQuery {
    fn from(args: AuditArgs) -> Self {
        Self {
            user: args.user,
            action: args.action,
            since: args.since,
            limit: args.limit,
            json: args.json,
        }
    }
}

#[derive(Debug, Args, Default)]
struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1].
    #[arg(long, env = "HOST")]
    host: Option<String>,
    /// Port to listen on [default: 8000].
    #[arg(long, short, env = "PORT")]
    port: Option<u16>,
    /// Which parts this process runs [default: all]. Processes that divide the work need QDRANT_URL and DATABASE_URL.
    #[arg(long, env = "MCP_ROLE", value_enum)]
    role: Option<Role>,
    /// Authenticate MCP callers with OAuth, even if a username and password are set (MCP_DEPLOYMENT_MODE=oauth).
    #[arg(long, conflicts_with = "no_oauth")]
    oauth: bool,
    /// Authenticate with Basic; needs NEXTCLOUD_USERNAME and NEXTCLOUD_PASSWORD
    /// (MCP_DEPLOYMENT_MODE=single_user_basic), or ENABLE_MULTI_USER_BASIC_AUTH.
    #[arg(long)]
    no_oauth: bool,
}

impl ServeArgs {
    fn overrides(&self) -> CliOverrides {
        CliOverrides {
            host: self.host.clone(),
            port: self.port,
            role: self.role,
            oauth: match (self.oauth, self.no_oauth) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            ..CliOverrides::default()
        }
    }
}

fn main() -> ExitCode {
    // Before anything else: a child that reads an untrusted document has nothing of the server.
    if let Some(code) = sandbox::run_if_child() {
        return code;
    }
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    match command {
        Command::ConfigReference => return app::print_config_reference(),
        Command::Openapi => return app::print_openapi(),
        _ => {}
    }
    let overrides = match &command {
        Command::Serve(args) => args.overrides(),
        _ => CliOverrides::default(),
    };
    let config = match Config::load(&Environment::from_process(), &overrides) {
        Ok(config) => config,
        Err(problems) => return app::report_config_problems(&problems),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return app::report_fatal(&error),
    };
    let outcome = runtime.block_on(async {
        match command {
            Command::Serve(_) => Box::pin(app::serve(config)).await,
            Command::Stdio => Box::pin(app::stdio(config)).await,
            Command::Migrate => app::migrate(config).await,
            Command::Reindex => app::reindex(config).await,
            Command::Doctor { json } => app::doctor(config, json).await,
            Command::Audit(args) => app::audit(config, args.into()).await,
            Command::RotateKeys { json } => app::rotate_keys(config, json).await,
            Command::ConfigReference | Command::Openapi => Ok(ExitReason::Done),
        }
    });
    // A read of standard input that still waits must not hold the process.
    runtime.shutdown_timeout(SHUTDOWN_PATIENCE);
    app::exit_code(outcome)
}
