mod background;
mod broker;
mod endings;
mod failures;
mod over_http;
mod storing;
