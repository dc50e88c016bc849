mod background;
mod broker;
mod endings;
mod failures;
mod narrowing;
mod over_http;
mod storing;
