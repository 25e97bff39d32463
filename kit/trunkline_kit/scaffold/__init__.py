"""The templates of a new connector plugin: a complete package that installs and passes the kit."""
