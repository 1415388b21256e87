//! The API's description as a page for people: no script, nothing from elsewhere.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::header;
use serde_json::Value;
use shared::route;

use super::openapi::description;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1f24;background:#fff}\
code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow:auto;background:#f3f5f7;padding:1rem}\
summary{cursor:pointer;padding:.3rem 0}details{border-top:1px solid #d5dbe1;padding:.2rem 0}\
b.method{display:inline-block;width:4.5rem}td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}\
@media(prefers-color-scheme:dark){body{color:#e6eaee;background:#14181c}pre{background:#1e242a}a{color:#6cc3f5}}";

/// The API for people.
#[utoipa::path(
    get, path = route::DOCS, tag = "documents", security(()),
    responses((status = 200, description = "a page", content_type = "text/html")),
)]
pub(super) async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ))
        .body(render())
}

fn render() -> String {
    let document = serde_json::to_value(description()).unwrap_or_default();
    let mut html = String::new();
    let title = text(&document["info"]["title"]);
    let about = text(&document["info"]["description"]);
    // Writing to a String does not fail.
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title} API</title>\
         <style>{STYLE}</style></head><body><h1>{title} API</h1><p>{about}</p>\
         <p>As a document for programs: <a href=\"{openapi}\">{openapi}</a></p>",
        openapi = route::OPENAPI
    );
    let mut tag = String::new();
    for (path, operations) in entries(&document["paths"]) {
        for (method, operation) in entries(operations) {
            let its_tag = text(&operation["tags"][0]);
            if its_tag != tag {
                let _ = write!(html, "<h2>{its_tag}</h2>");
                tag = its_tag;
            }
            write_operation(&mut html, path, method, operation);
        }
    }
    html.push_str("<h2>schemas</h2>");
    for (name, schema) in entries(&document["components"]["schemas"]) {
        let schema = serde_json::to_string_pretty(schema).unwrap_or_default();
        let name = escape(name);
        let _ = write!(
            html,
            "<details id=\"{name}\"><summary><code>{name}</code></summary><pre>{}</pre></details>",
            escape(&schema)
        );
    }
    html.push_str("</body></html>");
    html
}

fn write_operation(html: &mut String, path: &str, method: &str, operation: &Value) {
    let about = [text(&operation["summary"]), text(&operation["description"])].join(" ");
    let _ = write!(
        html,
        "<details><summary><b class=\"method\">{}</b><code>{}</code> {}</summary><table>",
        method.to_uppercase(),
        escape(path),
        text(&operation["summary"])
    );
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let _ = write!(
            html,
            "<tr><th>{} <code>{}</code></th><td>{}</td></tr>",
            text(&parameter["in"]),
            text(&parameter["name"]),
            text(&parameter["description"])
        );
    }
    let _ = write!(
        html,
        "<tr><th>body</th><td>{}</td></tr>",
        schema_link(&operation["requestBody"]["content"])
    );
    for (status, response) in entries(&operation["responses"]) {
        let _ = write!(
            html,
            "<tr><th>{}</th><td>{} {}</td></tr>",
            escape(status),
            schema_link(&response["content"]),
            text(&response["description"])
        );
    }
    let _ = write!(html, "</table><p>{about}</p></details>");
}

/// The name of the first schema that a body may have, linked to its description.
fn schema_link(content: &Value) -> String {
    let Some((_, body)) = entries(content).next() else { return String::new() };
    let schema = &body["schema"];
    let of_items = schema["items"]["$ref"].as_str();
    let (prefix, reference) =
        if of_items.is_some() { ("list of ", of_items) } else { ("", schema["$ref"].as_str()) };
    let name = reference.and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
    let name = escape(name);
    format!("{prefix}<a href=\"#{name}\">{name}</a>")
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn the_page_has_every_path_and_loads_nothing() {
        let page = render();
        for path in shared::route::ALL {
            assert!(page.contains(path), "{path}");
        }
        assert!(!page.contains("<script") && !page.contains("://"), "{page}");
    }
}
