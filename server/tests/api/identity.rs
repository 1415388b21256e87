use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use engine::clock::Clock as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use server::auth::external::{Configuration, Keys};
use shared::route::{EVENTS, SESSION, SESSIONS, USERS};

use crate::support::{Reply, TestApp};

const ISSUER: &str = "https://project.supabase.example/auth/v1";
const SHARED: &str = "a secret that provider and server share";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_with_a_role_is_added_once_and_keeps_up_with_it() {
    let app =
        TestApp::start_with_provider(configuration(Keys::Secret(SHARED.to_owned().into()))).await;
    let token = |role: &str| signed(&claims(&app, "nina", role));

    let first = me(&app, &token("viewer")).await;

    assert_eq!((first.status, &first.json()["role"]), (200, &"viewer".into()), "{}", first.text);
    assert_eq!(me(&app, &token("member")).await.json()["role"], "member");
    let ada = app.admin().await;
    let users = ada.get(USERS).await.json();
    let nina: Vec<_> = users["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["user"]["email"] == "nina@clinic.example")
        .collect();
    assert_eq!(
        (nina.len(), &nina[0]["external"], &nina[0]["has_password"]),
        (1, &true.into(), &false.into())
    );
    let trail = ada.get(&format!("{}?actor=system", shared::route::AUDIT)).await.json();
    let actions: Vec<_> =
        trail["items"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["user_changed", "user_added"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_role_is_not_let_in_and_whoever_is_disabled_is_out_at_once() {
    let app =
        TestApp::start_with_provider(configuration(Keys::Secret(SHARED.to_owned().into()))).await;
    let mut nobody = claims(&app, "nobody", "");
    nobody["app_metadata"] = json!({});
    me(&app, &signed(&nobody)).await.assert_refused(403, "forbidden");
    // An address alone makes nobody the one who has an account with it.
    let mut impostor = claims(&app, "other", "");
    impostor["email"] = json!("ada@clinic.example");
    me(&app, &signed(&impostor)).await.assert_refused(403, "forbidden");
    let mut taken = claims(&app, "other", "admin");
    taken["email"] = json!("ada@clinic.example");
    me(&app, &signed(&taken)).await.assert_refused(403, "forbidden");

    let nina = signed(&claims(&app, "nina", "member"));
    let id = me(&app, &nina).await.json()["id"].as_str().unwrap().to_owned();
    let disabled = json!({"name": "Nina", "role": "member", "disabled": true});
    assert_eq!(app.admin().await.put(&format!("{USERS}/{id}"), &disabled).await.status, 200);
    me(&app, &nina).await.assert_refused(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_by_itself_and_gives_no_session_here() {
    let app =
        TestApp::start_with_provider(configuration(Keys::Secret(SHARED.to_owned().into()))).await;
    let nina = signed(&claims(&app, "nina", "member"));
    assert_eq!(me(&app, &nina).await.status, 200);
    let sessions = app.send("GET", SESSIONS, &[("authorization", &nina)], None).await.json();
    assert_eq!(sessions["items"], json!([]));

    app.clock.advance(TimeDelta::minutes(61));

    me(&app, &nina).await.assert_refused(401, "unauthenticated");
    app.send("GET", EVENTS, &[("authorization", &nina)], None)
        .await
        .assert_refused(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn published_keys_are_read_once_and_again_when_a_new_one_signs() {
    let (old, new) = (Key::fresh("old"), Key::fresh("new"));
    let published = Published::serve(vec![
        vec![old.public.clone()],
        vec![old.public.clone(), new.public.clone()],
    ]);
    let app =
        TestApp::start_with_provider(configuration(Keys::Published(published.url.clone()))).await;
    let by_old = old.sign(&claims(&app, "nina", "viewer"));
    for _ in 0..3 {
        assert_eq!(me(&app, &by_old).await.status, 200);
    }
    assert_eq!(published.reads(), 1);

    let by_new = new.sign(&claims(&app, "nina", "viewer"));
    me(&app, &by_new).await.assert_refused(401, "unauthenticated");
    assert_eq!(published.reads(), 1, "a key that is not known makes nobody ask at once again");
    app.clock.advance(TimeDelta::seconds(31));
    assert_eq!(me(&app, &by_new).await.status, 200);
    assert_eq!(published.reads(), 2);

    // The algorithm is the key's: what is published is no secret to sign with.
    let header = Header { alg: Algorithm::HS256, kid: Some("new".to_owned()), ..Header::default() };
    let secret = EncodingKey::from_secret(new.public.to_string().as_bytes());
    let forged = encode(&header, &claims(&app, "nina", "admin"), &secret).unwrap();
    me(&app, &format!("Bearer {forged}")).await.assert_refused(401, "unauthenticated");
}

async fn me(app: &TestApp, bearer: &str) -> Reply {
    app.send("GET", SESSION, &[("authorization", bearer)], None).await
}

fn configuration(keys: Keys) -> Configuration {
    Configuration {
        keys,
        issuer: ISSUER.to_owned(),
        audience: "authenticated".to_owned(),
        role_claim: "app_metadata.transfuse_role".to_owned(),
        match_email: false,
    }
}

fn claims(app: &TestApp, subject: &str, role: &str) -> Value {
    let now = app.clock.now().timestamp();
    json!({
        "iss": ISSUER, "aud": "authenticated", "sub": subject, "iat": now, "exp": now + 3_600,
        "email": format!("{subject}@clinic.example"),
        "app_metadata": { "transfuse_role": role },
    })
}

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SHARED.as_bytes());
    format!("Bearer {}", encode(&Header::default(), claims, &key).expect("a token"))
}

/// A key of the provider's, made for one test.
struct Key {
    id: &'static str,
    private: Vec<u8>,
    public: Value,
}

impl Key {
    fn fresh(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key");
        let point = pair.public_key().as_ref();
        let public = json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        });
        Self { id, private: document.as_ref().to_vec(), public }
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(Algorithm::ES256) };
        let token = encode(&header, claims, &EncodingKey::from_ec_der(&self.private));
        format!("Bearer {}", token.expect("a token"))
    }
}

/// The provider's page of keys: another one at each reading, and then the last.
struct Published {
    url: String,
    reads: Arc<AtomicU32>,
}

impl Published {
    fn serve(pages: Vec<Vec<Value>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/keys", listener.local_addr().expect("an address"));
        let reads = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&reads);
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut lines = BufReader::new(&stream).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let read = counted.fetch_add(1, Ordering::Relaxed) as usize;
                let keys = json!({ "keys": pages[read.min(pages.len() - 1)] }).to_string();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{keys}",
                    keys.len()
                );
            }
        });
        Self { url, reads }
    }

    fn reads(&self) -> u32 {
        self.reads.load(Ordering::Relaxed)
    }
}
