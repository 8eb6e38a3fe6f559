# In place of junk.sieve for those who want spam only marked (Dovecot 2.4, config/dovecot/2.4): it goes on to their own rules.
