import json, pytest, contextlib, io
from datetime import datetime, UTC
from tests.world import *
from tests.loop.stories import *

def obj(w, kind):
    g=lambda *a, data=None: git(w.bare,*a,data=data)
    blob=g("hash-object","-w","--stdin",data=b"x"); empty=g("mktree",data=b"")
    if kind=="blob": return blob
    if kind=="tree": return empty
    if kind=="empty-commit": return g("commit-tree",empty,"-m","x")
    if kind=="tag":
        c=g("commit-tree",empty,"-m","x"); g("tag","-a","-m","x","-f","t",c); return g("rev-parse","t")
    if kind=="garbage": return g("commit-tree",g("mktree",data=f"100644 blob {blob}\trecord.json\n".encode()),"-m","x")
    if kind=="folder": return g("commit-tree",g("mktree",data=f"040000 tree {empty}\trecord.json\n".encode()),"-m","x")
    if kind=="object":
        b=g("hash-object","-w","--stdin",data=b"{}"); return g("commit-tree",g("mktree",data=f"100644 blob {b}\trecord.json\n".encode()),"-m","x")
    if kind=="nested":
        b=g("hash-object","-w","--stdin",data=b"["*100000); return g("commit-tree",g("mktree",data=f"100644 blob {b}\trecord.json\n".encode()),"-m","x")

@pytest.mark.parametrize("kind", ["blob","tree","empty-commit","tag","garbage","folder","object","nested"])
@pytest.mark.parametrize("ref", ["inbox/hold-1","inbox/announcement-app-9-x","checks/AUTO","checks/MAIN","checks/x","holds/lab/_","holds/lab","deployed/lab/lab-1","deployed/moon/x","rejected/x","evicted/x","other/x"])
def test_x(under_test, ref, kind):
    w = under_test
    r=ref.replace("AUTO", w.ref("refs/heads/auto")).replace("MAIN", w.ref("refs/heads/main"))
    git(w.bare,"update-ref","refs/tidemill/"+r,obj(w,kind))
    for c in (("reconcile-cfg-app",),("status",),("hold-wave","--wave","lab","--reason","x")):
        res = w.run(*c)
        if res.code: print(c[0], res["error"]["what"][:150]); 
        assert res.code==0
