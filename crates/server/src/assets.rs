//! The page's files, embedded: nothing is read from the disk, nothing comes from another host.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;

/// A route for each file of the page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .iter()
        .fold(Router::new(), |router, (path, content_type, body)| {
            // A newer ieum on the same port must not meet the older one's files.
            let headers = [(CONTENT_TYPE, *content_type), (CACHE_CONTROL, "no-cache")];
            router.route(path, get(move || async move { (headers, *body) }))
        })
}

macro_rules! file {
    ($path:literal, $content_type:literal, $file:literal) => {
        (
            $path,
            $content_type,
            include_str!(concat!("../page/", $file)),
        )
    };
}

const FILES: [(&str, &str, &str); 11] = [
    file!("/", "text/html; charset=utf-8", "index.html"),
    file!("/index.html", "text/html; charset=utf-8", "index.html"),
    file!("/style.css", "text/css; charset=utf-8", "style.css"),
    file!("/icon.svg", "image/svg+xml", "icon.svg"),
    file!("/app.js", "text/javascript; charset=utf-8", "app.js"),
    file!("/call.js", "text/javascript; charset=utf-8", "call.js"),
    file!("/echo.js", "text/javascript; charset=utf-8", "echo.js"),
    file!(
        "/signaling.js",
        "text/javascript; charset=utf-8",
        "signaling.js"
    ),
    file!("/steps.js", "text/javascript; charset=utf-8", "steps.js"),
    file!("/view.js", "text/javascript; charset=utf-8", "view.js"),
    file!(
        "/vendor/socket.io.min.js",
        "text/javascript; charset=utf-8",
        "vendor/socket.io.min.js"
    ),
];
