//! Short forms mean the same as the long one.

use crate::model::{Blueprint, ClusterSla, read};

fn clusters(text: &str) -> Blueprint {
    let source = format!("name: b\nclusters:\n  web: {text}\n");
    read::blueprint(&source).unwrap_or_else(|violations| panic!("{source}\n{violations}"))
}

#[test]
fn a_cluster_of_references_has_many_short_forms() {
    let long = clusters("{ services: [ { breed: { reference: shop:1.2 } } ] }");
    for short in [
        "shop:1.2",
        "[ shop:1.2 ]",
        "{ services: shop:1.2 }",
        "{ services: [ shop:1.2 ] }",
        "{ services: { breed: shop:1.2 } }",
        "{ services: [ { ref: shop:1.2 } ] }",
        "{ services: [ { reference: shop:1.2 } ] }",
        "{ services: [ { breed: { ref: shop:1.2 } } ] }",
        "{ breed: shop:1.2 }",
        "{ ref: shop:1.2 }",
    ] {
        assert_eq!(clusters(short), long, "{short}");
    }
}

#[test]
fn a_breed_may_stand_in_the_place_of_a_service() {
    let long = clusters("{ services: [ { breed: { name: shop:1.2, deployable: { definition: x } } } ] }");
    for short in [
        "{ name: shop:1.2, deployable: x }",
        "{ breed: { name: shop:1.2, deployable: x } }",
        "[ { name: shop:1.2, deployable: x } ]",
        "{ services: { name: shop:1.2, deployable: x } }",
        "{ services: [ { name: shop:1.2, deployable: x } ] }",
    ] {
        assert_eq!(clusters(short), long, "{short}");
    }
}

#[test]
fn a_compact_cluster_gives_its_service_all_but_sla_and_gateways() {
    let blueprint = clusters(
        "{ breed: shop:1.2, scale: big, sla: gold, env: {A: 1}, network: HOST, dialect: {Docker: {x: 1}},
           gateways: { routes: { shop:1.2: { weight: 100% } } } }",
    );
    let cluster = &blueprint.clusters[0];
    let service = &cluster.services[0];
    assert!(matches!(&cluster.sla, Some(ClusterSla::Stored { name, .. }) if *name == *"gold"), "{:?}", cluster.sla);
    assert_eq!(cluster.network, None);
    assert_eq!(cluster.gateways.get("").expect("anonymous").routes[0].path, "shop:1.2");
    assert_eq!(service.network.as_deref(), Some("HOST"));
    assert!(service.scale.is_some() && service.environment_variables.contains("A"));
    assert_eq!(service.dialects["docker"]["x"], 1);
}

#[test]
fn an_anonymous_gateway_takes_the_only_port() {
    let blueprint = clusters("{ name: a, deployable: x, ports: {http: 80}, gateways: { sticky: route } }");
    assert_eq!(blueprint.clusters[0].gateways.keys().collect::<Vec<_>>(), ["http"]);
    let named = clusters("{ name: a, deployable: x, ports: {http: 80}, gateways: { http: { sticky: route } } }");
    assert_eq!(blueprint, named);
}

#[test]
fn external_gateways_are_keyed_by_port_or_by_name() {
    let gateway = |text: &str| {
        let source = format!("name: b\ngateways:\n  {text}\nclusters: {{ web: shop:1.2 }}\n");
        let blueprint = read::blueprint(&source).unwrap_or_else(|violations| panic!("{source}\n{violations}"));
        let (name, template) = blueprint.gateways.iter().next().expect("one gateway");
        (name.to_owned(), template.port.map(|port| port.to_string()), template.routes[0].path.clone())
    };
    let keyed = |name: &str, port: Option<&str>| (name.to_owned(), port.map(str::to_owned), "web/http".to_owned());
    assert_eq!(gateway("9050: web/http"), keyed("9050", Some("9050/http")));
    assert_eq!(gateway("9050/tcp: web/http"), keyed("9050", Some("9050/tcp")));
    assert_eq!(gateway("9050: { routes: { web/http: {} } }"), keyed("9050", Some("9050/http")));
    assert_eq!(gateway("9050: { port: 9060/tcp, routes: web/http }"), keyed("9050", Some("9060/tcp")));
    assert_eq!(gateway("main: { port: 8080/http, routes: [ web/http ] }"), keyed("main", Some("8080/http")));
    assert_eq!(gateway("main: web/http"), keyed("main", None));
}

#[test]
fn variables_of_a_blueprint_have_a_short_form() {
    for key in ["web.A", "web.env.A", "web.environment_variables.A"] {
        let source = format!("name: b\nenv: {{ {key}: 1 }}\nclusters: {{ web: shop:1.2 }}\n");
        let blueprint = read::blueprint(&source).unwrap_or_else(|violations| panic!("{source}\n{violations}"));
        assert!(blueprint.environment_variables.contains("web.environment_variables.A"), "{key}");
    }
}
