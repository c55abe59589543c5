"""
Tidemill: a GitOps delivery loop with nothing to host.

 1. A push to app.git builds every service: same content, same digest.
 2. The images of one commit are recorded as one image set.
 3. The set is announced to cfg-app.git.
 4. The announcement is accepted: written to Git, so that it can no longer be lost.
 5. A turn reads every fact, decides with `plan()`, and writes what is due in one push.
 6. It puts a commit that introduces the set to the first wave on the branch auto.
 7. Checks judge that commit as itself, on the parent it has.
 8. Green: main is fast-forwarded to it. Red: it alone is evicted, and what follows is replayed.
 9. Argo CD or Flux deploys main, and every target reports what it runs and how it is.
10. When every target of a wave is healthy for long enough, the set is promoted to the next wave.
11. A promotion is a commit like any other: it goes through 6 to 10, until the last wave runs it.
12. Then the mill stands still, until the next event comes in.
"""

__version__ = "0.3.0"
