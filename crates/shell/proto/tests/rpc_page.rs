//! `docs/reference/rpc.md` says what the proto files say: it is written from their descriptors, and only so.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod page;

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../docs/reference/rpc.md"
);

#[test]
fn the_page_of_the_rpcs_is_the_contract() {
    let page = page::write(proto::DESCRIPTORS);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PAGE, page).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        kept == page,
        "docs/reference/rpc.md is not what proto/ says; run UPDATE=1 cargo test -p proto --test rpc_page"
    );
}
