"""Two `tidemill.toml`: the least that there can be, and one with everything."""

LEAST = """\
[[waves]]
name = "staging"
targets = ["staging-eu", "staging-us"]

[[waves]]
name = "production"
targets = ["prod-eu"]
"""

WHOLE = """\
main = "trunk"
auto = "tide"
namespace = "refs/mill"

[checks]
source = "refs"
required = ["check", "lint"]
test = "each"
retries = 2
timeout = "30m"

[images]
path = "images/{wave}/{set}"
allow = ["ghcr.io/acme/*"]

[[sets]]
name = "app"
repository = "acme/app"
branch = "main"
senders = ["acme-ci[bot]"]

[[sets]]
name = "batch"

[entrypoints]
introduce = "make introduce"
promote = "make promote"
generate = "make generate"
check = "make check"

[deployments]
path = ["generated/{wave}/{target}", "common/{wave}"]

[[waves]]
name = "staging"
targets = ["staging-eu"]
admit = "when soaked"
settle = "5m"

[[waves]]
name = "production"
after = ["staging"]
targets = ["prod-eu"]
soak = "1h"
windows = ["Mon-Fri 09:00-16:00 Europe/Berlin"]
approval = true
on_failure = "roll back"

[bot]
name = "mill"
email = "mill@example.com"
sign = "ABCD"
"""
