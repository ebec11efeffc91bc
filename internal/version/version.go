package version

// Version is the release, as in "bundy --version", the log and version.bind.
const Version = "0.1.0"
