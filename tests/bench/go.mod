module gitops-drift/tests/bench

go 1.25
