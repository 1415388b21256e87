//! The built portal, served from inside the binary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard};

use actix_web::http::header::{
    self, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG,
    IF_NONE_MATCH, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::auth::hex;

#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../dist"]
struct Dist;

/// A file of the portal.
pub struct File {
    pub bytes: Cow<'static, [u8]>,
    pub sha256: [u8; 32],
}

/// A portal: a way to find its files by their paths. A file may have others beside it that are the
/// same, compressed: `.br` and `.gz`. What has none is compressed once.
pub struct Portal {
    find: fn(&str) -> Option<File>,
    compressed: Mutex<HashMap<([u8; 32], Encoding), Bytes>>,
}

impl Default for Portal {
    /// The one that was built before this binary was. Without it, a page says how to build it.
    fn default() -> Self {
        Self::new(|path| {
            let file = Dist::get(path)?;
            Some(File { bytes: file.data, sha256: file.metadata.sha256_hash() })
        })
    }
}

impl Portal {
    pub fn new(find: fn(&str) -> Option<File>) -> Self {
        Self { find, compressed: Mutex::default() }
    }

    fn find(&self, path: &str) -> Option<File> {
        (self.find)(path)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<([u8; 32], Encoding), Bytes>> {
        self.compressed.lock().expect("nobody panics with the lock")
    }
}

/// Answers whatever is not the API's: a file, or the page from which the portal's own router
/// finds the way. What looks like a file and is none is not found.
pub async fn serve(portal: Data<Portal>, request: HttpRequest) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, "GET, HEAD"))
            .finish();
    }
    let path = request.path().trim_start_matches('/');
    if !path.is_empty()
        && path != "index.html"
        && let Some(file) = portal.find(path)
    {
        let caching = if is_hashed(path) { IMMUTABLE } else { REVALIDATE };
        return answer(&portal, &request, path, file, caching, None).await;
    }
    let looks_like_a_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    match portal.find("index.html") {
        Some(index) if path == "index.html" || !looks_like_a_file => {
            let policy = policy_for(&String::from_utf8_lossy(&index.bytes));
            answer(&portal, &request, "index.html", index, REVALIDATE, Some(policy)).await
        }
        None if !looks_like_a_file => HttpResponse::ServiceUnavailable()
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'"))
            .body(NOT_BUILT),
        _ => HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("not found\n"),
    }
}

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<title>Transfuse</title></head><body><h1>The portal is not built</h1>\
<p>The API is here: <a href=\"/api/v1/docs\">/api/v1/docs</a>. To have the portal as well, run \
<code>./dev build</code> in the project's folder and start this server again.</p></body></html>";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// How the name of a file ends that is compressed so.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

async fn answer(
    portal: &Data<Portal>,
    request: &HttpRequest,
    path: &str,
    file: File,
    caching: &'static str,
    policy: Option<String>,
) -> HttpResponse {
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let encoding = if is_compressible(mime.as_ref()) { accepted(request) } else { None };
    let tag = format!("\"{}-{}\"", hex(&file.sha256[..8]), encoding.map_or("id", Encoding::name));

    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, caching))
        .insert_header((ETAG, tag.as_str()))
        .insert_header((VARY, ACCEPT_ENCODING.as_str()));
    if let Some(policy) = policy {
        response.insert_header((CONTENT_SECURITY_POLICY, policy));
    }
    let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    response.content_type(if mime.type_() == "text" {
        format!("{mime}; charset=utf-8")
    } else {
        mime.to_string()
    });
    // Said in any case, so that nothing compresses it again.
    response.insert_header((CONTENT_ENCODING, encoding.map_or("identity", Encoding::name)));
    match encoding {
        Some(encoding) => match portal.find(&format!("{path}{}", encoding.suffix())) {
            Some(beside) => response.body(beside.bytes.into_owned()),
            None => response.body(compressed(portal, file, encoding).await),
        },
        None => response.body(file.bytes.into_owned()),
    }
}

/// Compressed once and kept. A portal that is built for release comes with its files compressed.
async fn compressed(portal: &Data<Portal>, file: File, encoding: Encoding) -> Bytes {
    let key = (file.sha256, encoding);
    let kept = portal.lock().get(&key).cloned();
    if let Some(bytes) = kept {
        return bytes;
    }
    let plain = file.bytes.clone();
    let made = tokio::task::spawn_blocking(move || compress(&plain, encoding)).await;
    let Ok(bytes) = made else { return Bytes::from(file.bytes.into_owned()) };
    portal.lock().entry(key).or_insert(bytes).clone()
}

/// Quickly: somebody waits for it. Writing to memory does not fail.
fn compress(bytes: &[u8], encoding: Encoding) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len() / 3);
    match encoding {
        Encoding::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(&mut out, 1 << 16, 3, 22);
            let _ = encoder.write_all(bytes);
        }
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
            let _ = encoder.write_all(bytes);
        }
    }
    out.into()
}

/// The best that the client takes.
fn accepted(request: &HttpRequest) -> Option<Encoding> {
    let header = request.headers().get(ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |name: &str| {
        header.split(',').any(|part| {
            let mut words = part.split(';').map(str::trim);
            words.next() == Some(name) && !words.any(|word| matches!(word, "q=0" | "q=0.0"))
        })
    };
    [Encoding::Brotli, Encoding::Gzip].into_iter().find(|encoding| takes(encoding.name()))
}

fn is_compressible(mime: &str) -> bool {
    mime.starts_with("text/")
        || matches!(
            mime,
            "application/javascript" | "application/json" | "application/wasm" | "image/svg+xml"
        )
}

/// Whether the name changes with the content: `app-1f0c9a2b3d4e5f60.js`, `split-1f0c9a2b/a.wasm`.
fn is_hashed(path: &str) -> bool {
    path.split(['/', '.', '_']).any(|part| {
        part.rsplit_once('-').is_some_and(|(_, end)| {
            end.len() >= 8 && end.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    })
}

/// The portal is started by an inline script: that very one may run, and no other.
fn policy_for(index: &str) -> String {
    let mut hashes = String::new();
    for part in index.split("<script").skip(1) {
        let Some((attributes, rest)) = part.split_once('>') else { continue };
        let Some((body, _)) = rest.split_once("</script>") else { continue };
        if attributes.contains("src=") || body.is_empty() {
            continue;
        }
        // Writing to a String does not fail.
        let _ = write!(hashes, " 'sha256-{}'", STANDARD.encode(Sha256::digest(body)));
    }
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{hashes}; \
         style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; \
         frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const INDEX: &str = "<html><script type=\"module\">start()</script>\
                         <script src=\"/a.js\"></script></html>";

    #[actix_web::test]
    async fn a_hashed_file_is_kept_for_ever_and_the_page_is_asked_for_each_time() {
        let script = get("/app-0123456789abcdef.js", &[]).await;
        assert_eq!(header_of(&script, "cache-control"), IMMUTABLE);
        assert_eq!(header_of(&script, "content-type"), "text/javascript; charset=utf-8");

        for path in ["/", "/portal/migration", "/index.html"] {
            let page = get(path, &[]).await;
            assert_eq!(
                (page.status().as_u16(), header_of(&page, "cache-control")),
                (200, "no-cache")
            );
        }
    }

    #[actix_web::test]
    async fn a_missing_file_is_not_the_page() {
        for path in ["/app-ffffffffffffffff.js", "/portal/missing.png", "/../Cargo.toml"] {
            assert_eq!(get(path, &[]).await.status(), 404, "{path}");
        }
    }

    #[actix_web::test]
    async fn the_page_lets_its_own_script_run_and_no_other() {
        let page = get("/", &[]).await;
        let policy = header_of(&page, "content-security-policy");
        let hash = STANDARD.encode(Sha256::digest("start()"));
        assert!(policy.contains(&format!("'wasm-unsafe-eval' 'sha256-{hash}';")), "{policy}");
    }

    #[actix_web::test]
    async fn files_come_compressed_as_the_client_takes_them() {
        let path = "/app-0123456789abcdef.js";
        for (accepts, gets) in
            [("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("zstd", "identity")]
        {
            let response = get(path, &[("accept-encoding", accepts)]).await;
            assert_eq!(header_of(&response, "content-encoding"), gets);
            let size = actix_web::body::to_bytes(response.into_body()).await.unwrap().len();
            assert_eq!(size < 8_000, gets != "identity", "{gets}: {size}");
        }
    }

    #[actix_web::test]
    async fn a_file_that_was_built_compressed_comes_as_it_is() {
        for (encoding, is) in [("br", "made by brotli"), ("gzip", "made by gzip")] {
            let response = get("/built.js", &[("accept-encoding", encoding)]).await;
            assert_eq!(header_of(&response, "content-encoding"), encoding);
            assert_eq!(header_of(&response, "content-type"), "text/javascript; charset=utf-8");
            let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
            assert_eq!(body, is);
        }
    }

    #[actix_web::test]
    async fn a_file_that_the_client_has_is_not_sent_again() {
        let first = get("/", &[]).await;
        let tag = header_of(&first, "etag").to_owned();
        assert_eq!(get("/", &[("if-none-match", &tag)]).await.status(), 304);
        assert_eq!(get("/", &[("if-none-match", "\"other\"")]).await.status(), 200);
    }

    #[actix_web::test]
    async fn without_a_portal_a_page_says_how_to_build_it() {
        let response = get_from(Data::new(Portal::new(|_| None)), "/", &[]).await;
        assert_eq!(response.status(), 503);
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("./dev build"));
    }

    async fn get(path: &str, headers: &[(&'static str, &str)]) -> HttpResponse {
        get_from(Data::new(Portal::new(built)), path, headers).await
    }

    async fn get_from(
        portal: Data<Portal>,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> HttpResponse {
        let mut request = TestRequest::get().uri(path);
        for header in headers {
            request = request.insert_header(*header);
        }
        serve(portal, request.to_http_request()).await
    }

    fn built(path: &str) -> Option<File> {
        let bytes = match path {
            "index.html" => INDEX.as_bytes().to_vec(),
            "app-0123456789abcdef.js" => {
                let line = |n: u32| format!("let v{n}={};\n", n * 7919 % 1013);
                (0..900).map(line).collect::<Vec<_>>().concat().into_bytes()
            }
            "built.js" => b"let built=true;".to_vec(),
            "built.js.br" => b"made by brotli".to_vec(),
            "built.js.gz" => b"made by gzip".to_vec(),
            _ => return None,
        };
        Some(File { sha256: Sha256::digest(&bytes).into(), bytes: bytes.into() })
    }

    fn header_of<'a>(response: &'a HttpResponse, name: &str) -> &'a str {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
