"""Git: repositories, checkouts and work trees."""
