/*
 * Part of CONFIG_LIST (config_list.h says what the columns mean): authorization, SASL, SSL,
 * delegation tokens, stored passwords, tiered storage.
 * Source: Apache Kafka 3.9, BrokerSecurityConfigs, SslConfigs, SaslConfigs,
 * DelegationTokenManagerConfigs, PasswordEncoderConfigs, RemoteLogManagerConfig.
 */
#ifndef BROKER_CONFIG_SETTINGS_SECURITY_H
#define BROKER_CONFIG_SETTINGS_SECURITY_H

/* clang-format off */
#define CONFIG_LIST_SECURITY(SUPPORTED, IGNORED, REFUSED) \
    REFUSED("authorizer.class.name", STRING, "", ANY, READ_ONLY, LOW, \
        "authorization is not built yet, so everybody would be allowed everything", \
        "The authorizer; kafka.security.authorizer.AclAuthorizer keeps ACLs in ZooKeeper.") \
    IGNORED("super.users", STRING, NULL, ANY, READ_ONLY, MEDIUM, \
        "authorization is not built yet; an authorizer is refused", \
        "Principals that are allowed everything, separated by semicolons.") \
    IGNORED("allow.everyone.if.no.acl.found", BOOLEAN, "false", ANY, READ_ONLY, MEDIUM, \
        "authorization is not built yet; an authorizer is refused", \
        "Whether what no ACL speaks of is allowed.") \
    IGNORED("principal.builder.class", CLASS, \
        "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", ANY, BROKER, MEDIUM, \
        "a Java class cannot be loaded, and no listener authenticates yet", \
        "The class that makes a principal of a connection.") \
    IGNORED("security.providers", STRING, NULL, ANY, READ_ONLY, LOW, \
        "it names Java classes", \
        "Java's security providers.") \
    CONFIG_SASL(IGNORED, "connections.max.reauth.ms", LONG, "0", READ_ONLY, MEDIUM, \
        "How long an authentication is good; 0 for ever.")

#define CONFIG_LIST_SASL(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_SASL(IGNORED, "sasl.enabled.mechanisms", LIST, "GSSAPI", BROKER, MEDIUM, "The mechanisms that clients may use.") \
    CONFIG_SASL(IGNORED, "sasl.mechanism.inter.broker.protocol", STRING, "GSSAPI", BROKER, MEDIUM, "The mechanism that brokers use among themselves.") \
    CONFIG_SASL(IGNORED, "sasl.server.max.receive.size", INT, "524288", READ_ONLY, MEDIUM, "The largest message before authentication.") \
    CONFIG_SASL(IGNORED, "sasl.jaas.config", PASSWORD, NULL, BROKER, MEDIUM, "The login settings, in the format of JAAS.") \
    CONFIG_SASL(IGNORED, "sasl.server.callback.handler.class", CLASS, NULL, READ_ONLY, MEDIUM, "The class that checks credentials.") \
    CONFIG_SASL(IGNORED, "sasl.client.callback.handler.class", CLASS, NULL, READ_ONLY, MEDIUM, "The class that gives credentials.") \
    CONFIG_SASL(IGNORED, "sasl.login.class", CLASS, NULL, READ_ONLY, MEDIUM, "The class that logs in.") \
    CONFIG_SASL(IGNORED, "sasl.login.callback.handler.class", CLASS, NULL, READ_ONLY, MEDIUM, "The class that gives credentials to log in.") \
    CONFIG_SASL(IGNORED, "sasl.login.refresh.window.factor", DOUBLE, "0.8", BROKER, MEDIUM, "The part of a credential's life after which it is renewed.") \
    CONFIG_SASL(IGNORED, "sasl.login.refresh.window.jitter", DOUBLE, "0.05", BROKER, MEDIUM, "By how much that varies.") \
    CONFIG_SASL(IGNORED, "sasl.login.refresh.min.period.seconds", SHORT, "60", BROKER, MEDIUM, "The least time between renewals.") \
    CONFIG_SASL(IGNORED, "sasl.login.refresh.buffer.seconds", SHORT, "300", BROKER, MEDIUM, "How long before its end a credential is renewed.") \
    CONFIG_SASL(IGNORED, "sasl.login.connect.timeout.ms", INT, NULL, READ_ONLY, LOW, "How long a connection to an identity provider may take to set up.") \
    CONFIG_SASL(IGNORED, "sasl.login.read.timeout.ms", INT, NULL, READ_ONLY, LOW, "How long an identity provider may take to answer.") \
    CONFIG_SASL(IGNORED, "sasl.login.retry.backoff.ms", LONG, "100", READ_ONLY, LOW, "The pause before asking again.") \
    CONFIG_SASL(IGNORED, "sasl.login.retry.backoff.max.ms", LONG, "10000", READ_ONLY, LOW, "The longest such pause.") \
    CONFIG_SASL(IGNORED, "sasl.kerberos.service.name", STRING, NULL, BROKER, MEDIUM, "The Kerberos name of the service.") \
    CONFIG_SASL(IGNORED, "sasl.kerberos.kinit.cmd", STRING, "/usr/bin/kinit", BROKER, MEDIUM, "The command kinit.") \
    CONFIG_SASL(IGNORED, "sasl.kerberos.ticket.renew.window.factor", DOUBLE, "0.8", BROKER, MEDIUM, "The part of a ticket's life after which it is renewed.") \
    CONFIG_SASL(IGNORED, "sasl.kerberos.ticket.renew.jitter", DOUBLE, "0.05", BROKER, MEDIUM, "By how much that varies.") \
    CONFIG_SASL(IGNORED, "sasl.kerberos.min.time.before.relogin", LONG, "60000", BROKER, MEDIUM, "The least time between renewals.") \
    CONFIG_SASL(IGNORED, "sasl.kerberos.principal.to.local.rules", LIST, "DEFAULT", BROKER, MEDIUM, "Rules that make a short name of a Kerberos principal.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.scope.claim.name", STRING, "scope", READ_ONLY, LOW, "The claim that holds the scope.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.sub.claim.name", STRING, "sub", READ_ONLY, LOW, "The claim that holds the subject.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.token.endpoint.url", STRING, NULL, READ_ONLY, MEDIUM, "Where tokens are got.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.jwks.endpoint.url", STRING, NULL, READ_ONLY, MEDIUM, "Where the keys are that tokens are signed with.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.jwks.endpoint.refresh.ms", LONG, "3600000", READ_ONLY, LOW, "How often those keys are read.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", LONG, "100", READ_ONLY, LOW, "The pause before reading them again.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", LONG, "10000", READ_ONLY, LOW, "The longest such pause.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.clock.skew.seconds", INT, "30", READ_ONLY, LOW, "By how much clocks may differ.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.expected.audience", LIST, NULL, READ_ONLY, LOW, "The audiences that a token must name one of.") \
    CONFIG_SASL(IGNORED, "sasl.oauthbearer.expected.issuer", STRING, NULL, READ_ONLY, LOW, "The issuer that a token must name.")

#define CONFIG_LIST_SSL(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_SSL(IGNORED, "ssl.protocol", STRING, "TLSv1.3", ANY, BROKER, MEDIUM, "The TLS version to begin with.") \
    CONFIG_SSL(IGNORED, "ssl.enabled.protocols", LIST, "TLSv1.2,TLSv1.3", ANY, BROKER, MEDIUM, "The TLS versions that are allowed.") \
    CONFIG_SSL(IGNORED, "ssl.client.auth", STRING, "none", ONE_OF("required,requested,none"), BROKER, MEDIUM, "Whether clients must show a certificate.") \
    CONFIG_SSL(IGNORED, "ssl.keystore.type", STRING, "JKS", ANY, BROKER, MEDIUM, "The format of the file with our certificate.") \
    CONFIG_SSL(IGNORED, "ssl.keystore.location", STRING, NULL, ANY, BROKER, MEDIUM, "That file.") \
    CONFIG_SSL(IGNORED, "ssl.keystore.password", PASSWORD, NULL, ANY, BROKER, MEDIUM, "Its password.") \
    CONFIG_SSL(IGNORED, "ssl.keystore.key", PASSWORD, NULL, ANY, BROKER, MEDIUM, "Our private key in PEM.") \
    CONFIG_SSL(IGNORED, "ssl.keystore.certificate.chain", PASSWORD, NULL, ANY, BROKER, MEDIUM, "Our certificates in PEM.") \
    CONFIG_SSL(IGNORED, "ssl.key.password", PASSWORD, NULL, ANY, BROKER, MEDIUM, "The password of our private key.") \
    CONFIG_SSL(IGNORED, "ssl.truststore.type", STRING, "JKS", ANY, BROKER, MEDIUM, "The format of the file with the certificates we trust.") \
    CONFIG_SSL(IGNORED, "ssl.truststore.location", STRING, NULL, ANY, BROKER, MEDIUM, "That file.") \
    CONFIG_SSL(IGNORED, "ssl.truststore.password", PASSWORD, NULL, ANY, BROKER, MEDIUM, "Its password.") \
    CONFIG_SSL(IGNORED, "ssl.truststore.certificates", PASSWORD, NULL, ANY, BROKER, MEDIUM, "The certificates we trust in PEM.") \
    CONFIG_SSL(IGNORED, "ssl.endpoint.identification.algorithm", STRING, "https", ANY, BROKER, LOW, "How the name in a certificate is checked.") \
    CONFIG_SSL(IGNORED, "ssl.cipher.suites", LIST, "", ANY, BROKER, MEDIUM, "The cipher suites that are allowed; empty for all.") \
    CONFIG_SSL(IGNORED, "ssl.provider", STRING, NULL, ANY, BROKER, MEDIUM, "Java's TLS provider.") \
    CONFIG_SSL(IGNORED, "ssl.engine.factory.class", CLASS, NULL, ANY, BROKER, LOW, "The class that makes TLS engines.") \
    CONFIG_SSL(IGNORED, "ssl.secure.random.implementation", STRING, NULL, ANY, BROKER, LOW, "Java's source of randomness.") \
    CONFIG_SSL(IGNORED, "ssl.keymanager.algorithm", STRING, "SunX509", ANY, BROKER, MEDIUM, "Java's key manager.") \
    CONFIG_SSL(IGNORED, "ssl.trustmanager.algorithm", STRING, "PKIX", ANY, BROKER, MEDIUM, "Java's trust manager.") \
    CONFIG_SSL(IGNORED, "ssl.principal.mapping.rules", STRING, "DEFAULT", ANY, READ_ONLY, LOW, "Rules that make a principal of a certificate's name.") \
    CONFIG_SSL(IGNORED, "ssl.allow.dn.changes", BOOLEAN, "false", ANY, READ_ONLY, LOW, "Whether a new certificate may have another name.") \
    CONFIG_SSL(IGNORED, "ssl.allow.san.changes", BOOLEAN, "false", ANY, READ_ONLY, LOW, "Whether a new certificate may lack alternative names of the old one.")

#define CONFIG_LIST_TOKENS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_TOKEN(IGNORED, "delegation.token.secret.key", PASSWORD, NULL, ANY, MEDIUM, "The key that tokens are made with; unset turns them off.") \
    CONFIG_TOKEN(IGNORED, "delegation.token.master.key", PASSWORD, NULL, ANY, MEDIUM, "The old name of delegation.token.secret.key.") \
    CONFIG_TOKEN(IGNORED, "delegation.token.max.lifetime.ms", LONG, "604800000", AT_LEAST(1), MEDIUM, "How long a token can be renewed.") \
    CONFIG_TOKEN(IGNORED, "delegation.token.expiry.time.ms", LONG, "86400000", AT_LEAST(1), MEDIUM, "How long a token is good before it must be renewed.") \
    CONFIG_TOKEN(IGNORED, "delegation.token.expiry.check.interval.ms", LONG, "3600000", AT_LEAST(1), LOW, "How often tokens past their time are removed.") \
    CONFIG_STORED_PASSWORD(IGNORED, "password.encoder.secret", PASSWORD, NULL, ANY, MEDIUM, "The secret that stored passwords are encrypted with.") \
    CONFIG_STORED_PASSWORD(IGNORED, "password.encoder.old.secret", PASSWORD, NULL, ANY, MEDIUM, "The one before, while it is being replaced.") \
    CONFIG_STORED_PASSWORD(IGNORED, "password.encoder.keyfactory.algorithm", STRING, NULL, ANY, LOW, "How a key is made of the secret.") \
    CONFIG_STORED_PASSWORD(IGNORED, "password.encoder.cipher.algorithm", STRING, "AES/CBC/PKCS5Padding", ANY, LOW, "How passwords are encrypted.") \
    CONFIG_STORED_PASSWORD(IGNORED, "password.encoder.key.length", INT, "128", AT_LEAST(8), LOW, "The length of that key.") \
    CONFIG_STORED_PASSWORD(IGNORED, "password.encoder.iterations", INT, "4096", AT_LEAST(1024), LOW, "The rounds in which that key is made.")

#define CONFIG_LIST_TIERED(SUPPORTED, IGNORED, REFUSED) \
    REFUSED("remote.log.storage.system.enable", BOOLEAN, "false", ANY, READ_ONLY, MEDIUM, \
        "tiered storage is not supported", \
        "Whether old segments move to other storage.") \
    CONFIG_TIERED(IGNORED, "remote.log.storage.manager.impl.prefix", STRING, "rsm.config.", ANY, READ_ONLY, MEDIUM, "Prefix of the storage plug-in's settings.") \
    CONFIG_TIERED(IGNORED, "remote.log.storage.manager.class.name", STRING, NULL, ANY, READ_ONLY, MEDIUM, "The class of the storage plug-in.") \
    CONFIG_TIERED(IGNORED, "remote.log.storage.manager.class.path", STRING, NULL, ANY, READ_ONLY, MEDIUM, "Where that class is found.") \
    CONFIG_TIERED(IGNORED, "remote.log.metadata.manager.impl.prefix", STRING, "rlmm.config.", ANY, READ_ONLY, MEDIUM, "Prefix of the metadata plug-in's settings.") \
    CONFIG_TIERED(IGNORED, "remote.log.metadata.manager.class.name", STRING, \
        "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", ANY, READ_ONLY, MEDIUM, "The class of the metadata plug-in.") \
    CONFIG_TIERED(IGNORED, "remote.log.metadata.manager.class.path", STRING, NULL, ANY, READ_ONLY, MEDIUM, "Where that class is found.") \
    CONFIG_TIERED(IGNORED, "remote.log.metadata.manager.listener.name", STRING, NULL, ANY, READ_ONLY, MEDIUM, "The listener that it connects to.") \
    CONFIG_TIERED(IGNORED, "remote.log.metadata.custom.metadata.max.bytes", INT, "128", AT_LEAST(0), READ_ONLY, LOW, "The most that a plug-in may store per segment.") \
    CONFIG_TIERED(IGNORED, "remote.log.index.file.cache.total.size.bytes", LONG, "1073741824", AT_LEAST(1), CLUSTER, LOW, "Disk for indexes of moved segments.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.thread.pool.size", INT, "10", AT_LEAST(1), READ_ONLY, MEDIUM, "Threads for moving segments.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.copier.thread.pool.size", INT, "-1", AT_LEAST(-1), READ_ONLY, MEDIUM, "Threads for copying segments.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.expiration.thread.pool.size", INT, "-1", AT_LEAST(-1), READ_ONLY, MEDIUM, "Threads for deleting segments.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.task.interval.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, LOW, "How often segments to move are looked for.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.task.retry.backoff.ms", LONG, "500", AT_LEAST(1), READ_ONLY, LOW, "The pause after a failure.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.task.retry.backoff.max.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, LOW, "The longest such pause.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.task.retry.jitter", DOUBLE, "0.2", BETWEEN(0, 1), READ_ONLY, LOW, "By how much that varies.") \
    CONFIG_TIERED(IGNORED, "remote.log.reader.threads", INT, "10", AT_LEAST(1), READ_ONLY, MEDIUM, "Threads for reading moved segments.") \
    CONFIG_TIERED(IGNORED, "remote.log.reader.max.pending.tasks", INT, "100", AT_LEAST(1), READ_ONLY, MEDIUM, "Reads that may wait.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.copy.max.bytes.per.second", LONG, "9223372036854775807", AT_LEAST(1), CLUSTER, MEDIUM, "The most that is copied per second.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.copy.quota.window.num", INT, "11", AT_LEAST(1), READ_ONLY, MEDIUM, "Windows kept to measure that.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.copy.quota.window.size.seconds", INT, "1", AT_LEAST(1), READ_ONLY, MEDIUM, "The length of each of those.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.fetch.max.bytes.per.second", LONG, "9223372036854775807", AT_LEAST(1), CLUSTER, MEDIUM, "The most that is read back per second.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.fetch.quota.window.num", INT, "11", AT_LEAST(1), READ_ONLY, MEDIUM, "Windows kept to measure that.") \
    CONFIG_TIERED(IGNORED, "remote.log.manager.fetch.quota.window.size.seconds", INT, "1", AT_LEAST(1), READ_ONLY, MEDIUM, "The length of each of those.") \
    CONFIG_TIERED(IGNORED, "remote.fetch.max.wait.ms", INT, "500", AT_LEAST(1), CLUSTER, MEDIUM, "How long a Fetch waits for a moved segment.")

#define CONFIG_SASL(IGNORED, key, type, value, scope, importance, doc) \
    IGNORED(key, type, value, ANY, scope, importance, "SASL is not supported yet; such a listener is refused", doc)
#define CONFIG_SSL(IGNORED, key, type, value, limits, scope, importance, doc) \
    IGNORED(key, type, value, limits, scope, importance, "TLS is not supported yet; such a listener is refused", doc)
#define CONFIG_TOKEN(IGNORED, key, type, value, limits, importance, doc) \
    IGNORED(key, type, value, limits, READ_ONLY, importance, "delegation tokens are not supported yet", doc)
#define CONFIG_STORED_PASSWORD(IGNORED, key, type, value, limits, importance, doc) \
    IGNORED(key, type, value, limits, READ_ONLY, importance, "no passwords are stored in ZooKeeper yet", doc)
#define CONFIG_TIERED(IGNORED, key, type, value, limits, scope, importance, doc) \
    IGNORED(key, type, value, limits, scope, importance, "tiered storage is not supported; turning it on is refused", doc)
/* clang-format on */

#endif
