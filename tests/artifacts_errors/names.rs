//! Every name of an error that the original documents is reached by a test, or it is said why it cannot be.

use crate::{ANY, BLUEPRINTS, BREEDS, GATEWAYS, WORKFLOWS, stored};
use std::collections::BTreeSet;

/// The names of the original, group by group: YAML, names, breeds, blueprints, gateways, operations, stores, workflows,
/// events, imports, drivers.
const NAMES: &str = "
    YamlParsingError MissingPathValueError UnexpectedTypeError UnexpectedInnerElementError UnexpectedElement ParserError

    IllegalName IllegalStrictName InconsistentArtifactName InconsistentArtifactKind UnsupportedMetadata
    EitherReferenceOrAnonymous NotAnonymousError

    MalformedTraitError MissingPortValueError MissingConstantValueError RecursiveDependenciesError
    UnresolvedDependencyInTraitValueError InvalidArgumentError InvalidArgumentValueError UnresolvedDependencyError

    UnresolvedGatewayPortError UnresolvedEnvironmentVariableError UnresolvedServiceRouteError RouteWeightError
    StickyPortTypeError ConditionPortTypeError DuplicateGatewayPortError IllegalAnonymousRoutingPortMappingError
    NoServiceError NonUniqueBlueprintBreedReferenceError MissingEnvironmentVariableError UnresolvedBreedDependencyError
    UnresolvedScaleEscalationTargetCluster RouteConditionStrengthError UnresolvedPortReferenceError
    NegativeFailuresNumberError UnsupportedProtocolError

    UnsupportedGatewayNameError UnsupportedRoutePathError InvalidGatewayPortError GatewayRouteWeightError
    GatewayRouteConditionStrengthError UnsupportedPathRewriteError InvalidSelectorError RouteSelectorOnlyRouteError
    RouteSelectorExternalTargetError IllegalGatewayStickyValue IllegalGatewayVirtualHosts

    NonUniqueBreedReferenceError UnresolvedVariableValueError InvalidRouteWeight UnsupportedRouteWeight
    UnavailableGatewayPortError InternalGatewayCreateError InternalGatewayUpdateError InternalGatewayRemoveError
    NoAvailablePortError DeploymentWorkflowNameCollision WorkflowUpdateError DeploymentServiceError UnexpectedArtifact
    InvalidConfigurationError BadRequestError

    ArtifactNotFound PersistenceOperationFailure DataNotYetLoadedException CorruptedDataException ArtifactAlreadyExists

    UndefinedWorkflowScheduleError IllegalWorkflowStatus IllegalWorkflowSchedulePeriod

    NoTagEventError EventTimestampError EventTypeError EventQueryTimeError UnsupportedAggregatorError

    EmptyImportError ImportDefinitionError ImportReferenceError

    UnsupportedDeployableType UndefinedDockerImage UnsupportedSlaType UnsupportedNumberOfHealthChecks
";

/// Reached by tests of their own in `artifacts_errors.rs`.
const ALONE: [&str; 3] = ["InconsistentArtifactKind", "InconsistentArtifactName", "UnsupportedProtocolError"];

/// Those that cannot be reached, with the reason.
const UNREACHED: [(&str, &str); 13] = [
    ("RouteWeightError", "`GatewayRouteWeightError` holds for the same weights and is told first, here and there"),
    (
        "RouteConditionStrengthError",
        "a percentage beyond 0 to 100 is refused as one before anybody asks what it is for",
    ),
    ("GatewayRouteConditionStrengthError", "as `RouteConditionStrengthError`: `UnexpectedTypeError` comes first"),
    ("UnsupportedRouteWeight", "the original asks it of a gateway without a name, and there is none"),
    ("UnsupportedSlaType", "an agreement of an unknown type is kept as it is"),
    ("UnsupportedNumberOfHealthChecks", "any number is supported"),
    ("ArtifactAlreadyExists", "declared by the original, and never raised"),
    ("WorkflowUpdateError", "a stored workflow may be replaced in any status; a wrong one is `IllegalWorkflowStatus`"),
    ("DeploymentServiceError", "a service that does not get on is no wrong request: its status says why"),
    ("InvalidConfigurationError", "settings do not change while a server runs: 405 with what to do"),
    ("BadRequestError", "what is wrong with a request as such has a status and a message, and no name"),
    ("PersistenceOperationFailure", "a store that fails is 503 or 500 with its reason, and no fault of an artifact"),
    ("DataNotYetLoadedException", "requests wait until what is stored is read"),
];

#[test]
fn every_name_of_the_original_is_reached_or_it_is_said_why_not() {
    let read = ANY.iter().chain(&BREEDS).chain(&BLUEPRINTS).chain(&GATEWAYS).chain(&WORKFLOWS).map(|case| case.2);
    let reached: BTreeSet<&str> = read.chain(ALONE).chain(stored::names()).collect();
    let unreached: BTreeSet<&str> = UNREACHED.iter().map(|(name, _)| *name).collect();
    let names: BTreeSet<&str> = NAMES.split_whitespace().collect();
    assert_eq!(names.len(), 84, "each once");
    assert!(UNREACHED.iter().all(|(_, reason)| !reason.is_empty()));
    let both: Vec<&&str> = reached.intersection(&unreached).collect();
    assert!(both.is_empty(), "reached after all: {both:?}");
    let missing: Vec<&&str> =
        names.iter().filter(|name| !reached.contains(*name) && !unreached.contains(*name)).collect();
    assert!(missing.is_empty(), "neither reached nor said why not: {missing:?}");
}
