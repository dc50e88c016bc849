//! The MCP server: tools and resources.
