use super::found;
use crate::{
    condition::Condition,
    model::{Reference, RoutePath, read},
    routing::{Balance, Sticky},
    violation::Violation,
};

fn with_routes(routes: &str) -> String {
    format!("name: g\nport: 9050/http\nroutes:\n{routes}")
}

#[test]
fn a_gateway_reads_with_everything() {
    let source = "
name: sava/9050
kind: gateways
port: 9050/http
sticky: ROUTE
virtual_hosts: [sava.example.com, sava.example.com, b.example.com]
metadata: { title: Sava, n: 1, none: ~ }
routes:
  sava/sava/sava:1.0/web: { weight: 90%, balance: leastconn }
  '[127.0.0.1:9101]':
    weight: 10%
    condition: User-Agent == Firefox
    condition_strength: 50%
    rewrites: [{ path: /new if method is GET }, { path: '/raw if { hdr(x) y }' }]
    balance: default
";
    let gateway = read::gateway(source).expect(source);
    assert_eq!(gateway.port.to_string(), "9050/http");
    assert_eq!(gateway.sticky, Some(Sticky::ROUTE));
    assert_eq!(gateway.virtual_hosts, ["sava.example.com", "b.example.com"]);
    assert_eq!(gateway.metadata["n"], 1);
    let [first, second] = gateway.routes.as_slice() else { panic!("two routes in order") };
    assert!(matches!(first.path, RoutePath::Service { .. }));
    assert_eq!(first.balance, Some(Balance::LeastConn));
    assert_eq!(second.strength.map(|strength| strength.to_string()).as_deref(), Some("50%"));
    let condition = second.condition.as_ref().and_then(Reference::inline);
    assert_eq!(condition.map(Condition::as_str), Some("User-Agent == Firefox"));
    assert_eq!(second.balance, None);
    let rewrite = |index: usize| second.rewrites[index].inline().expect("in place");
    assert_eq!(rewrite(0).path, "/new");
    assert!(rewrite(1).condition.is_native());
}

#[test]
fn routes_read_from_text_lists_and_maps() {
    for (routes, paths) in [
        ("  a/b\n", vec!["a/b"]),
        ("- a/b\n- c/d: { weight: 100% }\n", vec!["a/b", "c/d"]),
        ("  a/b: {}\n  '[h:1]': {}\n", vec!["a/b", "[h:1]"]),
        ("  [10.0.0.1:80]: {}\n", vec!["[10.0.0.1:80]"]),
    ] {
        let gateway = read::gateway(&with_routes(routes)).expect(routes);
        let found: Vec<String> = gateway.routes.iter().map(|route| route.path.to_string()).collect();
        assert_eq!(found, paths, "{routes}");
    }
}

#[test]
fn json_reads_too() {
    let source = r#"{"name": "g", "port": 9050, "routes": {"[h:1]": {"weight": "100%", "condition": null}}}"#;
    assert_eq!(read::gateway(source).expect("reads").routes.len(), 1);
}

#[test]
fn every_rule_of_a_gateway_names_its_place() {
    for (source, wanted) in [
        ("port: 1\n", vec!["MissingPathValueError name"]),
        ("name: a b\n", vec!["UnsupportedGatewayNameError name"]),
        ("name: a/b/c/d/e\n", vec!["UnsupportedGatewayNameError name"]),
        ("name: g\nport: 70000\n", vec!["InvalidGatewayPortError port"]),
        ("name: g\nport: 80/udp\n", vec!["InvalidGatewayPortError port"]),
        ("name: g\nkind: breeds\n", vec!["InconsistentArtifactKind kind"]),
        ("name: g\nsticky: client\n", vec!["IllegalGatewayStickyValue sticky"]),
        ("name: g\nsticky: {ttl: 1h}\n", vec!["MissingPathValueError sticky/by"]),
        (
            "name: g\nsticky: {by: me, ttl: soon, idle: 500ms, age: 1}\n",
            vec![
                "IllegalGatewayStickyValue sticky/by",
                "UnexpectedTypeError sticky/ttl",
                "IllegalGatewayStickyValue sticky/idle",
                "UnexpectedElement sticky/age",
            ],
        ),
        ("name: g\nsticky: {by: route, ttl: 1m, idle: 1h}\n", vec!["IllegalGatewayStickyValue sticky/idle"]),
        (
            "name: g\nvirtual_hosts: [ok.example, 'a b', {}, '*.ok.example', 'a.*']\n",
            vec![
                "IllegalGatewayVirtualHosts virtual_hosts/1",
                "IllegalGatewayVirtualHosts virtual_hosts/2",
                "IllegalGatewayVirtualHosts virtual_hosts/4",
            ],
        ),
        ("name: g\nselector: nam (a)\n", vec!["InvalidSelectorError selector"]),
        ("name: g\nmetadata: x\n", vec!["UnsupportedMetadata metadata"]),
        (
            "name: g\nport: 1/tcp\nsticky: route\nroutes: {a: {condition: host == x}}\n",
            vec!["StickyPortTypeError sticky", "ConditionPortTypeError routes/a/condition"],
        ),
        ("name: g\nrate_limit: 0\n", vec!["UnexpectedTypeError rate_limit"]),
        ("name: g\ntls: {certificate: ../key.pem}\n", vec!["UnexpectedTypeError tls/certificate"]),
        ("name: g\ntls: {certificate: a.pem, key: b.pem}\n", vec!["UnexpectedElement tls/key"]),
        ("name: g\ntls: {}\n", vec!["MissingPathValueError tls/certificate"]),
        ("name: g\nrotes: {}\n", vec!["UnexpectedElement rotes"]),
        ("- name: g\n- name: h\n", vec![]),
    ] {
        if wanted.is_empty() {
            assert!(read::gateway(source).is_err(), "{source}");
        } else {
            assert_eq!(found(read::gateway(source)), wanted, "{source}");
        }
    }
}

#[test]
fn every_rule_of_a_route_names_its_place() {
    for (routes, wanted) in [
        ("  a: {weight: 60%}\n  b: {weight: 60%}\n", "GatewayRouteWeightError routes"),
        ("  a: {weight: 30%}\n  b: {}\n", "GatewayRouteWeightError routes"),
        ("  a: {weight: 150%}\n", "UnexpectedTypeError routes/a/weight"),
        ("  a: {weight: 100}\n", "UnexpectedTypeError routes/a/weight"),
        ("  a: {condition_strength: -1%}\n", "UnexpectedTypeError routes/a/condition_strength"),
        ("  a/b/c/d/e: {}\n", "UnsupportedRoutePathError routes/a/b/c/d/e"),
        ("  '[no-port]': {}\n", "UnsupportedRoutePathError routes/[no-port]"),
        ("  '[h:1 option]': {}\n", "UnsupportedRoutePathError routes/[h:1 option]"),
        ("  a/b: {}\n  a//b: {}\n", "UnsupportedRoutePathError routes/a//b"),
        ("- a\n- a\n", "UnsupportedRoutePathError routes/1"),
        ("  a: {balance: fastest}\n", "UnsupportedBalanceError routes/a/balance"),
        ("  a: {balance: static-rr}\n", "UnsupportedBalanceError routes/a/balance"),
        ("  a: {balance: hdr(x-user)}\n", "UnsupportedBalanceError routes/a/balance"),
        ("  a: {balance: \"roundrobin\\n  lua.x\"}\n", "UnsupportedBalanceError routes/a/balance"),
        ("  a: {rewrites: [{path: /x}]}\n", "UnsupportedPathRewriteError routes/a/rewrites/0/path"),
        (
            "  a: {rewrites: [{path: \"/x\\ty if method is GET\"}]}\n",
            "UnsupportedPathRewriteError routes/a/rewrites/0/path",
        ),
        ("  a: {rewrites: [{path: /x if hdr(x) y}]}\n", "UnsupportedPathRewriteError routes/a/rewrites/0/path"),
        ("  a: sto/red\n", "IllegalName routes/a"),
        ("  a:\n", "UnexpectedTypeError routes/a"),
        ("  a: {name: x}\n", "EitherReferenceOrAnonymous routes/a/name"),
        ("  a: {condition: {reference: i os}}\n", "IllegalName routes/a/condition/reference"),
        (
            "  a: {condition: {reference: ios, condition: host == x}}\n",
            "UnexpectedElement routes/a/condition/condition",
        ),
        ("  a: {rewrites: [{name: x}]}\n", "EitherReferenceOrAnonymous routes/a/rewrites/0/name"),
        ("  a/b: {selector: port (1)}\n", "RouteSelectorOnlyRouteError routes/a/b/selector"),
        ("  '[h:1]': {selector: port (1)}\n", "RouteSelectorExternalTargetError routes/[h:1]/selector"),
        ("  a: {selector: port (http)}\n", "InvalidSelectorError routes/a/selector"),
        ("  a: {timeout: 5s}\n", "UnexpectedTypeError routes/a/timeout"),
        ("  a: {timeout: {client: 5s}}\n", "UnexpectedElement routes/a/timeout/client"),
        ("  a: {timeout: {server: 0s}}\n", "UnexpectedTypeError routes/a/timeout/server"),
        ("  a: {timeout: {tunnel: 577h}}\n", "UnexpectedTypeError routes/a/timeout/tunnel"),
        ("  a: {retries: 101}\n", "UnexpectedTypeError routes/a/retries"),
        ("  a: {maxconn: 0}\n", "UnexpectedTypeError routes/a/maxconn"),
        ("  a: {maxqueue: 1000001}\n", "UnexpectedTypeError routes/a/maxqueue"),
        ("  a: {outlier: {back: 5s}}\n", "MissingPathValueError routes/a/outlier/errors"),
        ("  a: {outlier: {errors: none}}\n", "UnexpectedTypeError routes/a/outlier/errors"),
        ("  a: {slow_start: 61m}\n", "UnexpectedTypeError routes/a/slow_start"),
        ("  a: {weigth: 100%}\n", "UnexpectedElement routes/a/weigth"),
    ] {
        assert_eq!(found(read::gateway(&with_routes(routes))), [wanted], "{routes}");
    }
}

#[test]
fn all_violations_are_told_at_once_in_order_of_place() {
    let source = with_routes("  a: {weight: x, balance: y}\n  b: {condition: '(', z: 1}\n");
    let wanted = [
        "UnexpectedTypeError routes/a/weight",
        "UnsupportedBalanceError routes/a/balance",
        "ParserError routes/b/condition",
        "UnexpectedElement routes/b/z",
    ];
    assert_eq!(found(read::gateway(&source)), wanted);
}

#[test]
fn a_wrong_condition_is_pointed_at_inside_of_the_document() {
    let condition = "host == a.example and hots == b";
    let source = with_routes(&format!("  a:\n    condition: \"{condition}\"\n"));
    let Violation { line, column, message, .. } = read::gateway(&source).expect_err("a typing mistake").0.remove(0);
    let offset = u32::try_from(condition.find("hots").expect("there")).expect("small");
    assert_eq!((line, column), (Some(5), Some(17 + offset)), "{message}");
    assert!(message.contains('^'), "a caret: {message}");
}

#[test]
fn an_empty_condition_is_none() {
    for condition in ["''", "{condition: ''}", "~"] {
        let source = with_routes(&format!("  a: {{condition: {condition}}}\n"));
        let read = read::gateway(&source);
        assert!(read.expect(&source).routes[0].condition.is_none());
    }
}

#[test]
fn a_mistyped_key_gets_a_suggestion() {
    let hint = |source: &str| read::gateway(source).expect_err(source).0[0].hint.clone();
    assert_eq!(hint("name: g\nrutes: {}\n").as_deref(), Some("did you mean `routes`?"));
    assert_eq!(hint("name: g\nsava:1.0: {}\n").as_deref(), Some("routes stand under `routes`"));
    let balance = |text: &str| hint(&format!("name: g\nroutes: {{a: {{balance: {text}}}}}\n")).expect("a hint");
    assert!(balance("static-rr").contains("`roundrobin`") && balance("url_param id").contains("sticky: instance"));
}
