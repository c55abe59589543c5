import json, pytest, contextlib, io
from datetime import datetime, UTC
from tests.world import *
from tests.loop.stories import *

@pytest.mark.parametrize("now", ["9999-12-31T23:59:59+00:00","1960-01-01T00:00:00+00:00","0001-01-01T00:00:00+00:00","1970-01-01T00:00:00+00:00","2026-01-05T10:00:00.123456+00:00", "2200-01-01T00:00:00+00:00"])
@pytest.mark.parametrize("cmd", ["announce","check","status","hold","report"])
def test_x(deployed, now, cmd):
    deployed.now = datetime.fromisoformat(now)
    w = deployed
    before = refs(w)
    if cmd=="announce": r = w.announce(2)
    elif cmd=="check": r = w.check(w.ref("refs/heads/main"), "pending"); r = w.turn()
    elif cmd=="status": r = w.status()
    elif cmd=="hold": r = w.run("hold-wave","--wave","lab","--reason","x")
    else: r = w.report("lab","lab-1", health="Degraded")
    print(r.code, json.dumps(r)[:300])
    git(w.bare, "fsck", "--strict", "--no-dangling")
    w.now = datetime(2026,1,6,tzinfo=UTC)
    r = w.turn(); assert r.code==0, r
