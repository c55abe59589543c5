"""What targets render from is there, and each service is named where its like are."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from msgspec.structs import replace
from tests.unit.checkup_values import APPLICATION, CFG, cfg, of

from tidemill.checkup.checkup import Checkup
from tidemill.facts import settings_file
from tidemill.facts.arrival import Arrival
from tidemill.facts.settings import ImageSet

NO_HOST = (None, "/srv/cfg.git", "../other", "file:///srv/other.git", "work:other.git")
HERE, ELSEWHERE = "https://git.test/cfg.git", "https://git.test/other"
STAGING = f"repoURL: {HERE}, targetRevision: main, path: generated/staging/staging-eu"


def applied(source: str, file: str = "") -> Checkup:
    """cfg-app.git, of which production renders from another source."""
    head = APPLICATION.partition("spec:")[0]
    sources = {"staging": f"{{{STAGING}}}", "production": source}
    names = {"staging": "staging-eu", "production": "prod-eu"}
    texts = {
        f"argocd/{wave}.yaml": head.format(name=names[wave], wave=wave)
        + f"spec: {{sources: [{said}]}}\n"
        for wave, said in sources.items()
    }
    return cfg(**texts, **({file: ""} if file else {}))


def named(known: Checkup) -> list[str]:
    return [one.what for one in of(known, "rendering") if one.state == "problem"]


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        (f"{{repoURL: {HERE}, targetRevision: main, path: charts/wbe}}", "charts/wbe"),
        (f"{{repoURL: {HERE}/, targetRevision: main, path: charts/wbe}}", "charts/wbe"),
        (f"{{repoURL: {ELSEWHERE}, targetRevision: main, path: charts/wbe}}", ""),
        (f"{{repoURL: {HERE}, targetRevision: rendered, path: charts/wbe}}", ""),
        (f"{{repoURL: {HERE}, targetRevision: main, path: charts/web}}", ""),
        (
            f"{{repoURL: {HERE}, targetRevision: main, path: charts/web, "
            "helm: {valueFiles: [../../values/eu/all.yaml]}}",
            "values/eu/all.yaml",
        ),
        (
            f"{{repoURL: {HERE}, targetRevision: main, path: charts/wbe, "
            "helm: {valueFiles: [values.yaml]}}",
            "charts/wbe",
        ),
        (
            f"{{repoURL: {ELSEWHERE}, targetRevision: main, path: charts/x, "
            "helm: {valueFiles: [$here/values/eu/all.yaml, own.yaml]}}, "
            f"{{repoURL: {HERE}, targetRevision: main, ref: here}}",
            "values/eu/all.yaml",
        ),
    ],
    ids=[
        "a path",
        "another way to write the URL",
        "of another repository",
        "of another revision",
        "it is there",
        "values whose folder went, too",
        "a chart with its values",
        "values by a reference",
    ],
)
def test_what_a_source_of_this_repository_names_has_to_be_there(source: str, missing: str) -> None:
    found = named(applied(source, "charts/web/Chart.yaml"))
    assert [one.partition(" renders from ")[2] for one in found] == (
        [f"{missing}, which is not there"] if missing else []
    )


@pytest.mark.parametrize(
    ("revision", "is_named"),
    [
        ("main", False),
        ("refs/heads/main", False),
        ("HEAD", False),
        ("'{{.metadata.annotations.rev}}'", False),
        ("master", True),
        ("v1", True),
    ],
)
def test_target_that_follows_another_branch_is_named(revision: str, is_named: bool) -> None:
    source = f"{{repoURL: {HERE}, targetRevision: {revision}, path: generated/production/prod-eu}}"
    assert named(applied(source)) == (
        [
            "the Application prod-eu (argocd/production.yaml) follows "
            f"{revision}, and what Tidemill lands is on main"
        ]
        if is_named
        else []
    )


def test_another_repository_may_have_the_same_path_at_any_revision() -> None:
    path = "generated/production/prod-eu"
    own = f"{{repoURL: {HERE}, targetRevision: main, path: {path}}}"
    other = f"{{repoURL: {ELSEWHERE}, targetRevision: v1, path: {path}}}"
    assert named(applied(f"{own}, {other}")) == []


@pytest.mark.parametrize("link", ["vendor", "vendor/base"])
def test_what_is_below_a_link_or_in_a_submodule_is_not_known(link: str) -> None:
    folder = "generated/staging/staging-eu"
    known = cfg(**{f"{folder}/kustomization.yaml": "resources: [../../../vendor/base]"})
    assert len(named(known)) == 1
    files = replace(known.files, links=frozenset({link}))
    assert named(replace(known, files=files)) == []


def test_kustomizations_of_flux_are_of_the_repository_that_their_source_is() -> None:
    flux = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system, labels: {{tidemill.dev/wave: {name}}}}}
spec: {{path: {path}, wait: true, sourceRef: {{kind: GitRepository, name: {source}}}}}
"""
    for source, is_named in (("cfg", True), ("other", False)):
        texts = {
            "argocd/staging.yaml": flux.format(
                name="staging", path="./generated/staging/staging-eu", source="cfg"
            ),
            "argocd/production.yaml": flux.format(
                name="production", path="./generated/prodution/prod-eu", source=source
            ),
        }
        assert bool(named(cfg(**texts))) is is_named


FLUX = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: cfg, namespace: flux-system}}
spec: {{url: "{url}", {ref}}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: staging-eu, namespace: flux-system, labels: {{tidemill.dev/wave: staging}}}}
spec:
  path: ./generated/staging/staging-eu
  wait: true
  sourceRef: {{kind: GitRepository, name: cfg}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: prod-eu, namespace: flux-system, labels: {{tidemill.dev/wave: production}}}}
spec:
  path: ./generated/production/prod-eu
  wait: true
  sourceRef: {{kind: GitRepository, name: cfg}}
"""


@pytest.mark.parametrize(
    ("ref", "follows"),
    [
        ("ref: {branch: main}", ""),
        ("ref: {name: refs/heads/main}", ""),
        ("ref: {branch: main, tag: v1}", "v1"),
        ("ref: {branch: dev}", "dev"),
        ("", "master"),
        ('ref: {branch: "${branch}"}', ""),  # Flux fills it in
    ],
)
def test_what_a_source_of_flux_follows_is_said_once(ref: str, follows: str) -> None:
    said = f"the GitRepository cfg (f.yaml) follows {follows}, and what Tidemill lands is on main"
    assert named(cfg(**{"f.yaml": FLUX.format(url=HERE, ref=ref)})) == ([said] if follows else [])


def test_each_cluster_has_a_source_of_its_own_under_the_same_name() -> None:
    source, staging, production = FLUX.format(url=HERE, ref="REF").split("---\n")
    texts = {
        "clusters/eu/sync.yaml": source.replace("REF", "ref: {branch: main}"),
        "clusters/eu/apps.yaml": staging,
        "clusters/us/sync.yaml": source.replace("REF", "ref: {branch: dev}"),
        "clusters/us/apps.yaml": production,
    }
    (found,) = named(cfg(**texts))
    assert found.startswith("the GitRepository cfg (clusters/us/sync.yaml) follows dev")


def test_a_source_of_flux_is_the_one_in_the_namespace_of_what_follows_it() -> None:
    flux = FLUX.format(url=HERE, ref="ref: {branch: main}")
    source = FLUX.format(url=HERE, ref="ref: {branch: dev}").partition("---\n")[0]
    other = source.replace("namespace: flux-system", "namespace: apps")
    assert named(cfg(**{"f.yaml": f"{other}---\n{flux}"})) == []


def test_a_source_of_another_kind_may_have_the_name_of_one_that_is_here() -> None:
    flux = FLUX.format(url=HERE, ref="ref: {branch: main}")
    first, _, last = flux.rpartition("kind: GitRepository")
    known = cfg(**{"f.yaml": f"{first}kind: OCIRepository{last}"})
    assert named(replace(known, url=HERE)) == []


@pytest.mark.parametrize(("name", "is_named"), [("cgf", True), ("made-by-terraform", False)])
def test_a_source_that_is_not_here_is_named_where_one_is_called_nearly_so(
    name: str, is_named: bool
) -> None:
    text = FLUX.format(url=HERE, ref="ref: {branch: main}")
    first, last = text.rsplit("name: cfg}", 1)
    found = named(cfg(**{"f.yaml": f"{first}name: {name}}}{last}"}))
    said = f"the Kustomization prod-eu (f.yaml) renders from the GitRepository {name}, which is not"
    assert found == ([f"{said} here"] if is_named else [])


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("git@git.test:cfg.git", None),
        ("ssh://git@git.test:2222/cfg", None),
        ("https://git.test/cfg-old", "problem"),
        ("https://mirror.test/cfg", None),
        ("https://mirror.test/cfg-old", "warning"),
        ("https://git.test/scm/cfg.git", None),
    ],
)
def test_a_source_of_another_repository_is_told_by_the_remote(url: str, state: str | None) -> None:
    flux = cfg(**{"f.yaml": FLUX.format(url=url, ref="ref: {branch: main}")})
    for remote, expected in ((HERE, state), *dict.fromkeys(NO_HOST).items()):
        found = of(replace(flux, url=remote), "rendering")
        assert [one.state for one in found] == [expected or "ok"], remote


def test_a_target_of_another_repository_than_the_others_is_named() -> None:
    other = f"{{repoURL: {ELSEWHERE}, targetRevision: main, path: generated/production/prod-eu}}"
    assert named(replace(applied(other), url=HERE)) == [
        "the Application prod-eu (argocd/production.yaml) is of git.test/other, and what Tidemill "
        "lands is in git.test/cfg"
    ]
    assert named(replace(applied(other.replace(ELSEWHERE, "git@git.test:cfg")), url=HERE)) == []


@pytest.mark.parametrize(
    ("overlay", "missing"),
    [
        ("resources: [../../base]", ""),
        ("resources: [../../bse]", "../../bse"),
        ("bases:\n- ../../base\n- ../more", "../more"),
        ("components: [../trace]", "../trace"),
        ("patches: [{path: p.yaml}, {patch: '[]'}]", "p.yaml"),
        ("patchesStrategicMerge: [p.yaml, 'apiVersion: v1\n']", "p.yaml"),
        ("resources: [https://git.test/x?ref=v1, github.com/a/b, all.yaml]", ""),
        ("resources: {", ""),
        ("generators: [helm.yaml]", "helm.yaml"),
        ("transformers: [t.yaml]\nconfigurations: [c.yaml]", "t.yaml, c.yaml"),
        ("replacements: [{path: r.yaml}, {source: {kind: Service}}]", "r.yaml"),
        ("configMapGenerator: [{name: x, files: [a.txt, as=b.txt], envs: [e.env]}]",
         "a.txt, b.txt, e.env"),
        ("helmCharts: [{name: redis, repo: https://x.test, valuesFile: v.yaml}]", "v.yaml"),
    ],
)  # fmt: skip
def test_what_an_overlay_names_has_to_be_there(overlay: str, missing: str) -> None:
    folder = "generated/staging/staging-eu"
    texts = {f"{folder}/kustomization.yaml": overlay, "generated/base/kustomization.yaml": ""}
    said = f"{folder}/kustomization.yaml names {missing}, which is not there, so that Kustomize"
    assert named(cfg(**texts)) == ([f"{said} can't build it"] if missing else [])


def test_what_is_no_yaml_is_a_problem() -> None:
    known = cfg()
    why = {"generated/staging/staging-eu/all.yaml": "line 3: mapping values are not allowed"}
    (found,) = named(replace(known, files=replace(known.files, unreadable=why)))
    assert "staging-eu/all.yaml can't be read as YAML, line 3: mapping" in found


def test_what_gets_values_of_helm_is_a_chart() -> None:
    source = (
        f"{{repoURL: {HERE}, targetRevision: main, path: charts/web, helm: {{releaseName: x}}}}"
    )
    (found,) = named(applied(source, "charts/web/values.yaml"))
    assert "renders from charts/web/Chart.yaml, which is not there" in found


def test_overlays_are_followed_to_their_bases_and_others_are_not_looked_at() -> None:
    texts = {
        "generated/staging/staging-eu/kustomization.yaml": "resources: [../../base]",
        "generated/base/kustomization.yaml": "resources: [gone.yaml]",
        "old/kustomization.yaml": "resources: [gone.yaml]",
    }
    (found,) = named(cfg(**texts))
    assert found.startswith("generated/base/kustomization.yaml names gone.yaml")


EU, US = "generated/production/prod-eu/all.yaml", "generated/production/prod-us/all.yaml"


def arriving(services: Mapping[str, tuple[str, ...]], sets: int = 1) -> list[tuple[str, str]]:
    """What is said of two targets of a wave, with the files that name each service."""
    settings = settings_file.parse(CFG.replace('["prod-eu"]', '["prod-eu", "prod-us"]'))
    more = tuple(ImageSet(name=f"more{number}") for number in range(1, sets))
    settings = msgspec.structs.replace(settings, sets=(*settings.sets, *more))
    known = replace(cfg(**{US: ""}), cfg=settings)
    found = of(replace(known, arrivals=(Arrival("production", "app", services),)), "digests")
    return [(one.state, one.what.partition(": ")[2]) for one in found]


def test_target_whose_files_do_not_name_what_those_of_its_like_name_is_found() -> None:
    arrive = "these digests arrive: web in"
    both = {"web": (EU, US), "api": (EU, US)}
    assert arriving(both) == [("ok", f"{arrive} {EU} and 1 more, api in {EU} and 1 more")]
    alone = ("ok", f"{arrive} {EU} (none at prod-us), api in {EU} and 1 more")
    assert arriving(both | {"web": (EU,)}) == [alone]  # which is a choice, and said
    none = "no file of prod-us names an image of the set, so that no image ever gets there"
    assert arriving({"web": (EU,)}) == [
        ("problem", none),
        ("ok", f"{arrive} {EU} (none at prod-us)"),
    ]
    assert arriving({"web": (EU,)}, sets=2) == [("ok", f"{arrive} {EU} (none at prod-us)")]
