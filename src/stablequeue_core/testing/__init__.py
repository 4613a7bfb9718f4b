"""For your own tests: contract suites, and simulators of the world outside."""
