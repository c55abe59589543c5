"""From a checkout of app.git to images at their destination: compile, build, compare, publish."""
