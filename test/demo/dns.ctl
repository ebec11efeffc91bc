config add Init/components bundy-auth
config set Init/components/bundy-auth/special auth
config set Init/components/bundy-auth/kind dispensable
config set Init/components/bundy-auth/priority 10
config add Init/components bundy-ddns
config set Init/components/bundy-ddns/address DDNS
config set Init/components/bundy-ddns/kind dispensable
config commit
