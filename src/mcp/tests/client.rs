//! A client for the tests.

use super::alice;
use crate::auth::Caller;
use crate::mcp::McpServer;
use rmcp::ServiceExt;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

/// A client on a stream, as over stdio: one JSON message per line.
pub(super) struct Client {
    reader: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    last_id: u64,
}

impl Client {
    pub(super) async fn connect(server: McpServer) -> Self {
        Self::connect_as(alice(), server).await
    }

    pub(super) async fn connect_as(caller: Caller, server: McpServer) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move {
            let running = server.with_caller(caller).serve(ours).await.unwrap();
            running.waiting().await.unwrap();
        });
        let (reader, writer) = tokio::io::split(theirs);
        let mut client = Self {
            reader: BufReader::new(reader).lines(),
            writer,
            last_id: 0,
        };
        let opening = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        });
        client.request("initialize", opening).await;
        client
            .send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        client
    }

    async fn send(&mut self, message: &Value) {
        self.writer
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }

    pub(super) async fn request(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}))
            .await;
        let line = self.reader.next_line().await.unwrap().unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], self.last_id);
        answer
    }

    pub(super) async fn tools(&mut self) -> Value {
        self.request("tools/list", json!({})).await["result"].take()
    }

    pub(super) async fn call(&mut self, name: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": name, "arguments": arguments}))
            .await
    }

    /// The structured result of a call that succeeds.
    pub(super) async fn result(&mut self, name: &str, arguments: Value) -> Value {
        let mut answer = self.call(name, arguments).await;
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        answer["result"]["structuredContent"].take()
    }
}
