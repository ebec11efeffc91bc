package shell

import "bundy/internal/shell/spec"

// The modules that are always there. Their commands are run here instead of being sent.

func optional(name, help string) *spec.Item {
	return &spec.Item{Name: name, Type: "string", Optional: true, Help: help}
}

func mandatory(name, help string) *spec.Item {
	return &spec.Item{Name: name, Type: "string", Help: help}
}

const (
	identifierHelp = "Item to work on, as Module/item/list[0]/member; relative to the place set with config go unless it begins with a slash"
	numberHelp     = "Number of a commit, as config history shows"
)

func helpModule() *spec.Module {
	return &spec.Module{Name: "help", Help: "Show the modules and how to get help on them."}
}

func configModule() *spec.Module {
	identifier := optional("identifier", identifierHelp)
	return &spec.Module{Name: "config", Help: "Show and change the configuration.", Commands: []*spec.Command{
		{Name: "show", Help: "Show configuration items", Args: []*spec.Item{
			optional("argument", "all: show every value below the item as well"), identifier}},
		{Name: "show_json", Help: "Show an item in JSON format", Args: []*spec.Item{identifier}},
		{Name: "add", Help: "Add an element to a list, or a member to a named set", Args: []*spec.Item{
			identifier, optional("value_or_name", "List: JSON value to add, a default one if absent. Named set: name to add"),
			optional("value_for_set", "Named set: JSON value of the new member, a default one if absent")}},
		{Name: "insert", Help: "Insert an element into a list, before another", Args: []*spec.Item{
			mandatory("identifier", "Element to insert before, as Module/list[0]"), mandatory("value", "JSON value to insert")}},
		{Name: "remove", Help: "Remove an element of a list, or a member of a named set", Args: []*spec.Item{
			identifier, optional("value", "List: JSON value to remove, if the identifier has no index. Named set: name to remove")}},
		{Name: "set", Help: "Set the value of an item", Args: []*spec.Item{
			identifier, mandatory("value", "JSON value, or text")}},
		{Name: "unset", Help: "Give an item its default value back", Args: []*spec.Item{
			mandatory("identifier", identifierHelp)}},
		{Name: "diff", Help: "Show the changes that are not committed"},
		{Name: "revert", Help: "Drop the changes that are not committed"},
		{Name: "commit", Help: "Send the changes to the configuration manager"},
		{Name: "go", Help: "Go to a place in the configuration", Args: []*spec.Item{
			mandatory("identifier", "Place to go to; .. is the place above, / the top")}},
		{Name: "history", Help: "Show the commits: number, time, author, modules"},
		{Name: "rollback", Help: "Make the configuration of an earlier commit the current one", Args: []*spec.Item{
			mandatory("number", numberHelp)}},
	}}
}

func executeModule() *spec.Module {
	show := optional("show", "show: print the commands instead of running them")
	return &spec.Module{Name: "execute", Help: "Run a set of commands.", Commands: []*spec.Command{
		{Name: "file", Help: "Run the commands of a file", Args: []*spec.Item{mandatory("filename", "File with a command on each line"), show}},
		{Name: "init_authoritative_server", Help: "Add the components of an authoritative server", Args: []*spec.Item{show}},
	}}
}

// authoritativeServer is the set of commands that execute init_authoritative_server runs.
const authoritativeServer = `!echo adding Authoritative server component
config add /Init/components bundy-auth
config set /Init/components/bundy-auth/kind needed
config set /Init/components/bundy-auth/special auth
!echo adding Xfrin component
config add /Init/components bundy-xfrin
config set /Init/components/bundy-xfrin/address Xfrin
config set /Init/components/bundy-xfrin/kind dispensable
!echo adding Xfrout component
config add /Init/components bundy-xfrout
config set /Init/components/bundy-xfrout/address Xfrout
config set /Init/components/bundy-xfrout/kind dispensable
!echo adding Zone Manager component
config add /Init/components bundy-zonemgr
config set /Init/components/bundy-zonemgr/address Zonemgr
config set /Init/components/bundy-zonemgr/kind dispensable
!echo Components added. Please enter "config commit" to
!echo finalize initial setup and run the components.
`
