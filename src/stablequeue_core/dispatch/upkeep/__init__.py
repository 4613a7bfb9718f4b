"""What is seen to now and then: jobs whose models came, parts that are done, what may go."""
