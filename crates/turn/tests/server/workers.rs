//! Several servers that share the load, and one registry.

use ieum_stun::Method;
use ieum_turn::server::{Event, Limits, QuotaReached, Quotas, Registry};

use super::bench::*;

fn worker(number: u8) -> Bench {
    Bench::new(|config| {
        config.quotas = Quotas::Registry;
        config.worker = number;
        config.abilities.mobility = true;
    })
}

fn registry(relays: usize) -> Registry {
    Registry::new(&Limits {
        relays,
        relays_per_user: 2,
        ..Limits::default()
    })
}

/// Sends an Allocate, and lets the registry answer.
fn allocate(bench: &mut Bench, registry: &mut Registry, port: u16, even: bool) -> u16 {
    bench.five_tuple = from(&format!("198.51.100.1:{port}"));
    bench.allocate_as_is(|_| ());
    let bytes = bench.request(Method::ALLOCATE, |m| {
        m.requested_transport(17);
        if even {
            m.even_port(true);
        }
    });
    assert_eq!(bench.deliver(&bytes), None);
    tell(bench, registry);
    bench.drive();
    let mut bytes = Vec::new();
    bench.server.poll_transmit(bench.now, &mut bytes).unwrap();
    Answer { bytes }.code()
}

/// Plays the registry's task.
fn tell(bench: &mut Bench, registry: &mut Registry) {
    for event in std::mem::take(&mut bench.events) {
        match event {
            Event::Admit { id, user, relays } => {
                assert_eq!(&*user, "alice");
                let outcome = registry.admit(&user, relays);
                bench.server.admitted(bench.now, id, outcome);
            }
            Event::Released { user, relays } => registry.release(&user, relays),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn quotas_hold_over_all_workers() {
    let mut registry = registry(9);
    let (mut one, mut two) = (worker(1), worker(2));
    assert_eq!(allocate(&mut one, &mut registry, 1, false), 0);
    assert_eq!(allocate(&mut two, &mut registry, 2, true), 486);
    assert_eq!(allocate(&mut two, &mut registry, 2, false), 0);
    assert_eq!(allocate(&mut one, &mut registry, 3, false), 486);
    assert_eq!((registry.relays(), registry.users()), (2, 1));
    // What one gives back the other may have.
    two.ask(Method::REFRESH, |m| {
        _ = m.lifetime(std::time::Duration::ZERO)
    });
    two.drive();
    tell(&mut two, &mut registry);
    assert_eq!(allocate(&mut one, &mut registry, 3, false), 0);
    // In the end nothing is left.
    one.now += 3600 * SECOND;
    one.server.handle_timeout(one.now);
    one.drive();
    tell(&mut one, &mut registry);
    assert_eq!((registry.relays(), registry.users()), (0, 0));
    assert_eq!(
        (one.server.gauges().relays, two.server.gauges().relays),
        (0, 0)
    );
}

#[test]
fn what_the_registry_refuses_leaves_nothing() {
    let mut registry = registry(1);
    let mut one = worker(1);
    assert_eq!(allocate(&mut one, &mut registry, 1, true), 508);
    tell(&mut one, &mut registry);
    assert_eq!((registry.relays(), one.server.gauges().relays), (0, 0));
    assert_eq!(registry.admit("alice", 2), Err(QuotaReached::Total));
}

#[test]
fn a_client_that_is_gone_before_the_registry_answers_is_not_counted() {
    for refused in [false, true] {
        let mut one = worker(1);
        one.five_tuple.transport = ieum_turn::Transport::Tcp;
        one.allocate_as_is(|_| ());
        let bytes = one.request(Method::ALLOCATE, |m| _ = m.requested_transport(17));
        assert_eq!(one.deliver(&bytes), None);
        let five_tuple = one.five_tuple;
        one.server.connection_closed(one.now, five_tuple);
        one.drive();
        let mut registry = registry(if refused { 0 } else { 9 });
        tell(&mut one, &mut registry);
        one.drive();
        tell(&mut one, &mut registry);
        assert_eq!((registry.relays(), one.server.gauges().relays), (0, 0));
    }
}

#[test]
fn a_token_and_a_ticket_lead_to_their_worker() {
    let mut registry = registry(9);
    let (mut one, mut two) = (worker(1), worker(2));
    assert_eq!(allocate(&mut one, &mut registry, 1, false), 0);
    // From another five-tuple, which falls to another worker.
    two.five_tuple = from("198.51.100.1:2");
    two.allocate_as_is(|_| ());
    let mut ticket = [0; 16];
    ticket[0] = 1;
    let refresh = two.request(Method::REFRESH, |m| _ = m.mobility_ticket(&ticket));
    assert_eq!(two.deliver(&refresh), None);
    let Some(Event::Steer {
        worker,
        five_tuple,
        datagram,
    }) = two.events.pop()
    else {
        panic!()
    };
    assert_eq!(
        (worker, five_tuple, &datagram),
        (1, two.five_tuple, &refresh)
    );
    // The nonce of one is good at the other; the ticket was invented.
    one.five_tuple = five_tuple;
    assert_eq!(one.deliver(&datagram).unwrap().code(), 437);

    let allocate = two.request(Method::ALLOCATE, |m| {
        m.requested_transport(17).reservation_token([1; 8]);
    });
    assert_eq!(two.deliver(&allocate), None);
    assert!(matches!(
        two.events.pop(),
        Some(Event::Steer { worker: 1, .. })
    ));
    assert_eq!(two.counters().steered, 2);
}
