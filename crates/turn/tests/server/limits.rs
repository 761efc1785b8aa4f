//! Quotas, bandwidth, and what strangers get.

use ieum_turn::credentials;

use super::bench::*;

#[test]
fn limits_hold_per_user_and_in_all() {
    let mut bench = Bench::challenged(|config| {
        config.limits.relays = 3;
        config.limits.relays_per_user = 2;
    });
    let ask_from = |bench: &mut Bench, port: u16, even: bool| {
        bench.five_tuple = from(&format!("198.51.100.1:{port}"));
        bench.allocate_as_is(|_| ());
        let answer = bench.allocate(|m| {
            if even {
                _ = m.even_port(true)
            }
        });
        answer.code()
    };
    // The reserved port counts.
    assert_eq!(ask_from(&mut bench, 1, true), 0);
    assert_eq!(ask_from(&mut bench, 2, false), 486);
    // Another expiry is the same user.
    let issued = credentials::issue(SECRET, "alice", UNIX_TIME + 3601);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(ask_from(&mut bench, 3, false), 486);
    let issued = credentials::issue(SECRET, "bob", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(ask_from(&mut bench, 4, true), 508);
    assert_eq!(ask_from(&mut bench, 5, false), 0);
    assert_eq!(ask_from(&mut bench, 6, false), 508);
    // The reservation ends after 30 seconds.
    bench.now += 30 * SECOND;
    bench.server.handle_timeout(bench.now);
    bench.drive();
    assert_eq!(bench.relays.len(), 2);
    assert_eq!(ask_from(&mut bench, 7, false), 0);
}
