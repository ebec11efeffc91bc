package shell

import (
	"strings"
	"testing"

	"bundy/internal/shell/terminal"
)

func TestErrors(t *testing.T) {
	s, _, out := newShell(t)
	transcript(t, s, out, `
> Nobody ping
Error!  Unknown module 'Nobody'

usage: <module name> <command name> [param1 = value1 [, param2 = value2]]
...
> Init dance
Error!  Unknown command 'dance' to module 'Init'
Module  Init 	Master process
...
> Init
Error!  command name is missed
Module  Init 	Master process
...
> Auth loadzone
Error!  Parameter 'origin' is missed for command 'loadzone' of module 'Auth'
Command  loadzone 	((Re)load a specified zone)
...
> Auth loadzone zone=x
Error!  Unknown parameter 'zone' to command 'loadzone' of module 'Auth'
Command  loadzone 	((Re)load a specified zone)
...
> Auth shutdown x
Error!  Invalid parameter value for "pid", the type should be "integer" 
strconv.ParseInt: parsing "x": invalid syntax
> Auth fail
{
    "error": "as asked"
}
> config set Auth/tcp_recv_timeout abc
Error!  abc is not an integer (string was passed)
> config set Auth/tcp_recv_timeout null
Error!  None is not an integer (null was passed)
> config set Auth/listen_on [5]
Error!  5 is not a map (integer was passed)
> config set Auth/nothing 5
Error: Auth/nothing not found
> config set Dhcp6/renew-timer 5
Error: Module 'Dhcp6' unknown or not running
> config show Dhcp6
Error: Module 'Dhcp6' unknown or not running
> config show Auth/listen_on[2]/port
Error: Auth/listen_on[2] not found: index out of range, the list has 2 elements
> config show Auth/listen_on]
Error: Auth/listen_on]: ] without [
> config show Auth/listen_on[0]x
Error: Auth/listen_on[0]x: after an index only / or another index may follow
> config show x y
Error: unknown argument x, or multiple identifiers given
> config add Init/components
Error: need a name to add a new item to Init/components
> config add Init/components bundy-stats
Error: bundy-stats already in Init/components
> config remove Init/components nobody
Error: nobody not found in Init/components
> config add tsig_keys/keys 5
Error!  5 is not a string (integer was passed)
> config add tsig_keys/keys k:AAAA
> config add tsig_keys/keys k:AAAA
Error: k:AAAA already in tsig_keys/keys
> config remove tsig_keys/keys other:AAAA
> config remove tsig_keys/keys
Error: need an index or a value to remove from tsig_keys/keys
> config remove Auth/tcp_recv_timeout
Error: Auth/tcp_recv_timeout is not in a list or a named set; config unset gives it its default
> config show_json
Error: need at least the module to show the configuration in JSON format
> config add Dhcp4/subnet4
> config add Dhcp4/subnet4
Error: {} already in Dhcp4/subnet4
> config set Dhcp4/next-server "refuse me"
> config commit
Error: Dhcp4/next-server: refuse me is no address
Configuration not committed
> config diff
{'Dhcp4': {'next-server': 'refuse me', 'subnet4': [{}]}, 'tsig_keys': {'keys': ['k:AAAA']}}
> config revert
> config diff
{}
> config commit
> config rollback 9
Error: there is no commit 9
Configuration not committed
> config rollback x
Error: "x" is not the number of a commit
> execute file /nonexistent
Error: open /nonexistent: no such file or directory
`)
}

func TestConfigCommands(t *testing.T) {
	s, _, out := newShell(t)
	transcript(t, s, out, `
> config show
Auth/	module	
DDNS/	module	
Dhcp4/	module	
DhcpDdns/	module	
Init/	module	
Logging/	module	
Resolver/	module	
Stats/	module	
Xfrin/	module	
a_module_with_long_name/	module	
data_sources/	module	
tsig_keys/	module	
> config show Init
Init/components/	named_set	(default)
> config show Init/components
Init/components/bundy-cmdctl/special	"cmdctl"	string	(default)
Init/components/bundy-cmdctl/process	null	string	
Init/components/bundy-cmdctl/kind	"needed"	string	(default)
...
> config show data_sources/classes
data_sources/classes/CH/	list	(default)
data_sources/classes/IN/	list	(default)
> config go Auth
> config show
Auth/database_file	"/tmp/zone.sqlite3"	string	(default)
Auth/listen_on/	list	(default)
Auth/tcp_recv_timeout	5000	integer	(default)
> config set tcp_recv_timeout 7
> config show tcp_recv_timeout
Auth/tcp_recv_timeout	7	integer	(modified)
> config go nothing
Error: Auth/nothing not found
> config go listen_on[0]
> config set port 54
> config show /Auth/listen_on[0]/port
Auth/listen_on[0]/port	54	integer	(modified)
> config go ..
> config go ..
> config show_json Auth
{"listen_on": [{"address": "::", "port": 54}, {"address": "0.0.0.0", "port": 53}], "tcp_recv_timeout": 7}
> config commit
> config unset Auth/tcp_recv_timeout
> config show Auth/tcp_recv_timeout
Auth/tcp_recv_timeout	5000	integer	(default)
> config diff
{'Auth': {'tcp_recv_timeout': None}}
> config set Auth/tcp_recv_timeout 8
> config diff
{'Auth': {'tcp_recv_timeout': 8}}
> config unset Auth/tcp_recv_timeout
> config commit
> config show_json Auth/tcp_recv_timeout
5000
> config set Auth/tcp_recv_timeout 9
> config unset Auth/tcp_recv_timeout
> config diff
{}
> config set Dhcp4/renew-timer null
> config diff
{}
> config set Dhcp4/subnet4 [{"id":1,"subnet":"192.0.2.0/24"}]
> config unset Dhcp4/subnet4[0]/id
> config show_json Dhcp4/subnet4
[{"subnet": "192.0.2.0/24"}]
> config history
1	2026-11-23T09:00:00Z	root	Auth Init
2	2026-11-23T09:05:00Z	joe	Auth	more
> config rollback 1
> QUIT
`)
}

func TestHelpLayout(t *testing.T) {
	s, _, out := newShell(t)
	transcript(t, s, out, `
> h

usage: <module name> <command name> [param1 = value1 [, param2 = value2]]
Type Tab character to get the hint of module/command/parameters.
Type "help(? h)" for help on bundyctl.
Type "<module_name> help" for help on the specific module.
Type "<module_name> <command_name> help" for help on the specific command.

Available module names:
    help        Show the modules and how to get help on them.
    config      Show and change the configuration.
    execute     Run a set of commands.
    Auth        Authoritative service
    DDNS        Dynamic update
    Dhcp4       DHCPv4 server
    DhcpDdns    Name updates
    Init        Master process
    Logging     Logging options
    Resolver    Resolver
    Stats       Statistics
    Xfrin       Incoming transfers
    a_module_with_long_name
            A module whose name does not fit the column, with a
                description that is long enough to be wrapped
    data_sources
            Where zones come from
    tsig_keys   The key ring
> config go help
Command  go 	(Go to a place in the configuration)
		help (Get help for command)
Parameters:
    identifier (string, mandatory)
        Place to go to; .. is the place above, / the top
`)
}

// Scripts on standard input are commented as files of execute are.
func TestCommentsAmongCommands(t *testing.T) {
	s, _, out := newShell(t)
	if err := s.loop(t.Context(), terminal.Lines(strings.NewReader("# one\n  \t# two\n\nInit ping\n"))); err != nil || out.String() != "\"pong\"\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestExecute(t *testing.T) {
	s, _, out := newShell(t)
	script := writeFile(t, "script", "# comment\n\n  !echo   hello there\n!VERBOSE\ton\n# seen\nconfig set Auth/tcp_recv_timeout 7\n!verbose off\n!dance\nInit ping\n")
	bad := writeFile(t, "bad", "config set Auth/tcp_recv_timeout 8\nconfig set Auth/nothing 1\n!echo never\n")
	outer := writeFile(t, "outer", "execute file "+bad+"\n!echo never\n")
	transcript(t, s, out, `
> execute file `+script+`
hello there
# seen
config set Auth/tcp_recv_timeout 7
!verbose off
Warning: ignoring unknown directive: !dance
"pong"
> execute file `+outer+`
Error:  Auth/nothing not found
`+advice+`
> config show Auth/tcp_recv_timeout
Auth/tcp_recv_timeout	8	integer	(modified)
> execute file `+script+` show
# comment

!echo   hello there
!VERBOSE	on
# seen
config set Auth/tcp_recv_timeout 7
!verbose off
!dance
Init ping
> execute init_authoritative_server show
`+strings.TrimSpace(authoritativeServer)+`
> execute init_authoritative_server
adding Authoritative server component
adding Xfrin component
adding Xfrout component
adding Zone Manager component
Components added. Please enter "config commit" to
finalize initial setup and run the components.
> config show Init/components/bundy-auth/kind
Init/components/bundy-auth/kind	"needed"	string	(modified)
`)
	self := writeFile(t, "self", "")
	loop := writeFile(t, "loop", "execute file "+self+"\n")
	if err := s.loop(t.Context(), terminal.Lines(strings.NewReader("execute file "+loop))); err != nil {
		t.Error(err)
	}
}

func TestModulesVanish(t *testing.T) {
	s, f, out := newShell(t)
	transcript(t, s, out, "> Init ping\n\"pong\"")
	f.mu.Lock()
	f.specs = []byte(`{}`)
	f.sessions = map[string]bool{} // and the session has ended: it begins anew without a word
	f.mu.Unlock()
	transcript(t, s, out, "> Init ping\nError!  Unknown module 'Init'\n...")
}

func TestConnectionLost(t *testing.T) {
	s, f, out := newShell(t)
	f.Close()
	err := s.loop(t.Context(), terminal.Lines(strings.NewReader("Init ping\nInit ping\n")))
	if err == nil || strings.Count(out.String(), "Error:  ") != 1 {
		t.Errorf("%v, printed %q", err, out)
	}
}

func TestComplete(t *testing.T) {
	s, _, _ := newShell(t)
	if err := s.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"Ini":                               "Init ",
		"Init s":                            "Init shutdown |Init show_processes ",
		"Auth loadzone o":                   "Auth loadzone origin =",
		"config sho":                        "config show |config show_json ",
		"config show Auth/l":                "config show Auth/listen_on|config show Auth/listen_on[0]/|config show Auth/listen_on[1]/",
		"config set Auth/listen_on[1]/p":    "config set Auth/listen_on[1]/port",
		"config set /Auth/tcp":              "config set /Auth/tcp_recv_timeout",
		"config show Init/components/":      "config show Init/components/bundy-cmdctl/|config show Init/components/bundy-stats/",
		"config add data_sources/classes/I": "config add data_sources/classes/IN|config add data_sources/classes/IN[0]/",
		"Nobody x":                          "",
		"config show Auth/listen_on[9]/x":   "",
	} {
		if got := strings.Join(s.complete(line), "|"); got != want {
			t.Errorf("%q: %q instead of %q", line, got, want)
		}
	}
	s.location = "Auth"
	if got := strings.Join(s.complete("config set tcp"), "|"); got != "config set tcp_recv_timeout" {
		t.Errorf("relative: %q", got)
	}
}
