"""Who may do what in the database: owner, writer, reader and operator, each with as little as it can do with."""
