//! Everything that the world's lock guards.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

use md5::{Digest, Md5};

use super::{AppPassword, Node, Share, SystemTag, User};
use crate::clock::Clock;
use crate::dav::GroupwareState;
use crate::deck::DeckState;
use crate::oidc::OidcState;
use crate::tables::TablesState;
use crate::web::WebSessions;
use crate::webhooks::WebhookState;

/// The first id given to a node.
const FIRST_NODE_ID: i64 = 101;

/// The start of the folder etags, which look like PHP's `uniqid()`.
const UNIQID_BASE: u64 = 0x6_b03c_0000_0000;

/// Something in a user's trash bin.
#[derive(Debug)]
pub(crate) struct Trashed {
    pub(crate) uid: String,
    /// Where it was.
    pub(crate) path: String,
    /// The deleted node and everything below it, the node itself first.
    pub(crate) nodes: Vec<Node>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) nodes: HashMap<i64, Node>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) shares: BTreeMap<i64, Share>,
    pub(crate) app_passwords: Vec<AppPassword>,
    /// Times of wrong passwords, by the address they came from.
    pub(crate) failed_logins: HashMap<IpAddr, VecDeque<i64>>,
    pub(crate) failed_login_delay_ms: u64,
    /// Deleted by a user, oldest first.
    pub(crate) trash: Vec<Trashed>,
    pub(crate) maintenance: bool,
    pub(crate) notes_enabled: bool,
    pub(crate) deck: DeckState,
    pub(crate) tables: TablesState,
    /// System tags by id.
    pub(crate) tags: BTreeMap<i64, SystemTag>,
    pub(crate) oidc: OidcState,
    pub(crate) web: WebSessions,
    pub(crate) webhooks: WebhookState,
    pub(crate) groupware: GroupwareState,
    next_node: i64,
    next_share: i64,
    counter: u64,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::default(),
            nodes: HashMap::new(),
            users: BTreeMap::new(),
            shares: BTreeMap::new(),
            app_passwords: Vec::new(),
            failed_logins: HashMap::new(),
            failed_login_delay_ms: 0,
            trash: Vec::new(),
            maintenance: false,
            notes_enabled: true,
            deck: DeckState::default(),
            tables: TablesState::default(),
            tags: BTreeMap::new(),
            oidc: OidcState::default(),
            web: WebSessions::default(),
            webhooks: WebhookState::default(),
            groupware: GroupwareState::default(),
            next_node: FIRST_NODE_ID,
            next_share: 1,
            counter: 0,
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    pub(super) fn next_node_id(&mut self) -> i64 {
        self.next_node += 1;
        self.next_node - 1
    }

    pub(super) fn next_share_id(&mut self) -> i64 {
        self.next_share += 1;
        self.next_share - 1
    }

    /// A number never given before.
    pub(crate) fn tick(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A new etag of a file: 32 hexadecimal digits.
    pub(crate) fn new_file_etag(&mut self) -> String {
        let number = self.tick();
        md5_hex(&format!("file etag {number}"))
    }

    /// A new etag of a folder: 13 hexadecimal digits.
    pub(crate) fn new_folder_etag(&mut self) -> String {
        format!("{:013x}", UNIQID_BASE + self.tick())
    }

    pub(crate) fn node(&self, id: i64) -> Option<&Node> {
        self.nodes.get(&id)
    }

    pub(crate) fn user(&self, uid: &str) -> Option<&User> {
        self.users.get(uid)
    }

    pub(crate) fn valid_app_password(&self, token: &str) -> Option<&AppPassword> {
        let now = self.now();
        self.app_passwords
            .iter()
            .find(|known| known.token == token && known.expires.is_none_or(|end| now < end))
    }

    pub(crate) fn display_name(&self, uid: &str) -> String {
        self.user(uid)
            .map_or_else(|| uid.to_owned(), |user| user.display_name.clone())
    }
}

/// The MD5 of a text in hexadecimal digits: Nextcloud's favourite etag.
pub(crate) fn md5_hex(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}
