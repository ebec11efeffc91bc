package subnet

// Notes are what the operator writes beside items of a configuration, in Kea's places and names. They are kept and have no
// effect.
type Notes struct {
	Comment string `json:"comment" optional:"true" default:"" help:"A note for people."`
	Context any    `json:"user-context" help:"A note for programs: any JSON value."`
}
