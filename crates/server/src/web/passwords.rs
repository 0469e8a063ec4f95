//! Names and passwords against bcrypt hashes, each of which costs a good part of a second of the processor only once.
//!
//! What was found is remembered under a keyed hash, so that no password stays in memory. Right and wrong answers have each
//! their own bounded memory: whoever guesses cannot push out those who know.

use std::collections::VecDeque;
use std::str::FromStr as _;

use net::config::Secret;
use parking_lot::Mutex;
use ring::hmac;
use tokio::sync::Semaphore;

/// Most answers of a kind that are remembered.
pub(super) const REMEMBERED_MAX: usize = 100;
/// Length of a bcrypt hash without the last letters that may be padding, in bytes.
const HASH_BYTES_MIN: usize = 59;
/// Costs that bcrypt knows.
const COSTS: std::ops::RangeInclusive<u32> = 4..=31;

type Tag = [u8; 32];

/// What is remembered, oldest first.
#[derive(Debug, Default)]
struct Memory(VecDeque<Tag>);

impl Memory {
    fn has(&self, tag: &Tag) -> bool {
        self.0.contains(tag)
    }

    fn add(&mut self, tag: Tag) {
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(tag);
    }
}

/// Checks passwords.
pub(super) struct Passwords {
    /// Chosen by chance at each start.
    key: hmac::Key,
    right: Mutex<Memory>,
    wrong: Mutex<Memory>,
    /// One hash at a time: they take all of a processor.
    one: Semaphore,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    /// # Errors
    /// When the machine gives no random numbers.
    pub(super) fn new() -> Result<Self, String> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &ring::rand::SystemRandom::new());
        let key = key.map_err(|_| "no random numbers from the system".to_owned())?;
        Ok(Self { key, right: Mutex::default(), wrong: Mutex::default(), one: Semaphore::new(1) })
    }

    /// Whether `name` may come in with `password`. A name that nobody has costs as much time as one that somebody has.
    pub(super) async fn are_right(
        &self,
        users: &[(String, Secret)],
        name: &str,
        password: &[u8],
    ) -> bool {
        let user = users.iter().find(|(have, _)| have == name).map(|(_, hash)| hash);
        let Some(hash) = user.or_else(|| costliest(users)) else { return false };
        let tag = self.tag(name, hash, password);
        if let Some(known) = self.known(&tag) {
            return known;
        }
        let Ok(_one) = self.one.acquire().await else { return false };
        // Another request may have found it while this one waited.
        if let Some(known) = self.known(&tag) {
            return known;
        }
        let (text, password) = (hash.clone(), password.to_vec());
        let same = tokio::task::spawn_blocking(move || {
            bcrypt::verify(password, text.reveal()).unwrap_or(false)
        });
        let right = same.await.unwrap_or(false) && user.is_some();
        let memory = if right { &self.right } else { &self.wrong };
        memory.lock().add(tag);
        right
    }

    fn known(&self, tag: &Tag) -> Option<bool> {
        if self.right.lock().has(tag) {
            return Some(true);
        }
        self.wrong.lock().has(tag).then_some(false)
    }

    /// Each part with its length before it, so that no two triples give the same bytes.
    fn tag(&self, name: &str, hash: &Secret, password: &[u8]) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [name.as_bytes(), hash.reveal().as_bytes(), password] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.right.lock().0.len(), self.wrong.lock().0.len())
    }
}

/// The hash that takes longest to check.
fn costliest(users: &[(String, Secret)]) -> Option<&Secret> {
    let cost =
        |hash: &Secret| bcrypt::HashParts::from_str(hash.reveal()).map_or(0, |h| h.get_cost());
    users.iter().map(|(_, hash)| hash).max_by_key(|hash| cost(hash))
}

/// Whether `hash` can be checked against.
///
/// # Errors
/// What is wrong with it, in the words of Go's bcrypt.
pub fn check_hash(hash: &str) -> Result<(), String> {
    let bytes = hash.as_bytes();
    if bytes.len() < HASH_BYTES_MIN {
        return Err("crypto/bcrypt: hashedSecret too short to be a bcrypted password".to_owned());
    }
    if bytes[0] != b'$' {
        // The text is a secret: not even its first letter is repeated.
        return Err("crypto/bcrypt: bcrypt hashes must start with '$'".to_owned());
    }
    if bytes[1] > b'2' {
        let version = char::from(bytes[1]);
        return Err(format!(
            "crypto/bcrypt: bcrypt algorithm version '{version}' requested is newer than current version '2'"
        ));
    }
    let cost = hash.split('$').nth(2).and_then(|cost| cost.parse::<u32>().ok());
    match cost {
        Some(cost) if !COSTS.contains(&cost) => {
            Err(format!("crypto/bcrypt: cost {cost} is outside allowed inclusive range 4..31"))
        }
        Some(_) | None => match bcrypt::HashParts::from_str(hash) {
            Ok(_) => Ok(()),
            Err(_) => Err("not a bcrypt hash, such as htpasswd -nBC 10 NAME prints".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Vec<(String, Secret)> {
        let hash = |password: &str| Secret::new(bcrypt::hash(password, 4).unwrap());
        vec![("alice".to_owned(), hash("right")), ("bob".to_owned(), hash("other"))]
    }

    #[tokio::test]
    async fn who_comes_in() {
        let (passwords, users) = (Passwords::new().unwrap(), users());
        for _ in 0..2 {
            for (name, password, right) in [
                ("alice", "right", true),
                ("bob", "other", true),
                ("alice", "other", false),
                ("bob", "right", false),
                ("alice", "", false),
                ("", "right", false),
                ("carol", "right", false),
                ("carol", "other", false),
            ] {
                let got = passwords.are_right(&users, name, password.as_bytes()).await;
                assert_eq!(got, right, "{name} {password}");
            }
        }
        assert_eq!(passwords.remembered(), (2, 6));
    }

    #[tokio::test]
    async fn a_new_hash_makes_the_old_password_wrong() {
        let (passwords, mut users) = (Passwords::new().unwrap(), users());
        assert!(passwords.are_right(&users, "alice", b"right").await);
        users[0].1 = Secret::new(bcrypt::hash("new", 4).unwrap());
        assert!(!passwords.are_right(&users, "alice", b"right").await);
        assert!(passwords.are_right(&users, "alice", b"new").await);
        users.remove(0);
        assert!(!passwords.are_right(&users, "alice", b"new").await);
    }

    #[test]
    fn guesses_do_not_push_out_who_knows() {
        let mut memory = Memory::default();
        for i in 0..=u8::try_from(REMEMBERED_MAX).unwrap() {
            memory.add([i; 32]);
        }
        assert_eq!(memory.0.len(), REMEMBERED_MAX);
        assert!(!memory.has(&[0; 32]) && memory.has(&[1; 32]));
    }

    #[test]
    fn hashes_that_cannot_be_used() {
        let good = bcrypt::hash("x", 4).unwrap();
        for (hash, want) in [
            (good.clone(), ""),
            (good.replacen("$2b$", "$2y$", 1), ""),
            (good.replacen("$2b$", "$2a$", 1), ""),
            (
                "secret".to_owned(),
                "crypto/bcrypt: hashedSecret too short to be a bcrypted password",
            ),
            (format!("x{}", &good[1..]), "crypto/bcrypt: bcrypt hashes must start with '$'"),
            (
                good.replacen("$2b$", "$3b$", 1),
                "crypto/bcrypt: bcrypt algorithm version '3' requested is newer than current version '2'",
            ),
            (
                good.replacen("$04$", "$03$", 1),
                "crypto/bcrypt: cost 3 is outside allowed inclusive range 4..31",
            ),
            (
                good.replacen("$04$", "$xx$", 1),
                "not a bcrypt hash, such as htpasswd -nBC 10 NAME prints",
            ),
        ] {
            assert_eq!(check_hash(&hash).err().unwrap_or_default(), want, "{hash}");
        }
    }
}
