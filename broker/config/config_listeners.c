/*
 * Where the broker listens and what it tells others. Source: Apache Kafka 3.9,
 * CoreUtils.listenerListToEndPoints and KafkaConfig.validateValues; KIP-103, KIP-797.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "broker/config/config_builder.h"
#include "broker/config/setting.h"
#include "client/base/logger.h"

static const char *const protocol_names[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

const char *security_protocol_name(enum security_protocol protocol) {
    CHECK((size_t)protocol < ARRAY_COUNT(protocol_names));
    return protocol_names[protocol];
}

static bool protocol_of_name(struct bytes name, enum security_protocol *protocol) {
    for (size_t i = 0; i < ARRAY_COUNT(protocol_names); i++) {
        if (name.size == strlen(protocol_names[i]) &&
            strncasecmp((const char *)name.data, protocol_names[i], name.size) == 0) {
            *protocol = (enum security_protocol)i;
            return true;
        }
    }
    return false;
}

static const char *upper_copy(struct config_builder *builder, struct bytes text) {
    char *copy = (char *)config_builder_copy(builder, text);

    for (size_t i = 0; i < text.size; i++) {
        if (copy[i] >= 'a' && copy[i] <= 'z')
            copy[i] = (char)(copy[i] - 'a' + 'A');
    }
    return copy;
}

/* ---- The map of names to protocols ---- */

#define MAP_KEY "listener.security.protocol.map"

/* The protocol of a listener; false, reported, if the map is wrong or does not have it. */
static bool protocol_of_listener(const struct config_builder *builder, const char *key,
                                 const char *name, enum security_protocol *protocol) {
    struct bytes rest = bytes_of_text(builder->config->listener_security_protocol_map), item;

    while (setting_next_item(&rest, &item)) {
        const uint8_t *colon = memchr(item.data, ':', item.size);
        struct bytes mapped;

        if (colon == NULL)
            continue; /* reported by check_map */
        mapped = setting_trim(bytes_of(item.data, (size_t)(colon - item.data)));
        if (mapped.size == strlen(name) &&
            strncasecmp((const char *)mapped.data, name, mapped.size) == 0)
            return protocol_of_name(
                setting_trim(bytes_of(colon + 1, (size_t)(item.data + item.size - colon - 1))),
                protocol);
    }
    config_builder_error(builder, key, "%s names the listener %s, which " MAP_KEY " does not have",
                         key, LOG_QUOTED_TEXT(name));
    return false;
}

static void check_map(const struct config_builder *builder) {
    struct bytes rest = bytes_of_text(builder->config->listener_security_protocol_map), item;

    while (setting_next_item(&rest, &item)) {
        const uint8_t *colon = memchr(item.data, ':', item.size);
        enum security_protocol protocol;

        if (colon == NULL || colon == item.data ||
            !protocol_of_name(
                setting_trim(bytes_of(colon + 1, (size_t)(item.data + item.size - colon - 1))),
                &protocol))
            config_builder_error(builder, MAP_KEY,
                                 MAP_KEY " has the entry %s; allowed: NAME:PROTOCOL, where "
                                         "PROTOCOL is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
                                 LOG_QUOTED(item));
    }
}

/* ---- NAME://host:port ---- */

static const struct setting port_setting = {.type = CONFIG_TYPE_INT, .limits = BETWEEN(0, 65535)};

static bool is_host_character(uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != 0 && strchr("-._:%", c) != NULL);
}

/* Splits host:port; an IPv6 address may stand in brackets. */
static bool split_address(struct bytes address, struct bytes *host, int32_t *port) {
    const uint8_t *colon = memrchr(address.data, ':', address.size);
    union setting_value value;

    if (colon == NULL)
        return false;
    *host = bytes_of(address.data, (size_t)(colon - address.data));
    if (!setting_parse(&port_setting, bytes_of(colon + 1, address.size - host->size - 1), &value))
        return false;
    *port = (int32_t)value.number;
    if (host->size >= 2 && host->data[0] == '[' && host->data[host->size - 1] == ']') {
        host->data++;
        host->size -= 2;
    }
    for (size_t i = 0; i < host->size; i++) {
        if (!is_host_character(host->data[i]))
            return false;
    }
    return true;
}

/* Splits one entry, NAME://host:port. */
static bool split_entry(struct bytes item, struct bytes *name, struct bytes *host, int32_t *port) {
    const uint8_t *slashes = memmem(item.data, item.size, "://", 3);

    if (slashes == NULL || slashes == item.data)
        return false;
    *name = bytes_of(item.data, (size_t)(slashes - item.data));
    return split_address(bytes_of(slashes + 3, item.size - name->size - 3), host, port);
}

static size_t parse_list(struct config_builder *builder, const char *key, const char *text,
                         struct config_listener listeners[CONFIG_LISTENERS_MAX]) {
    struct bytes rest = bytes_of_text(text), item;
    size_t count = 0;

    while (setting_next_item(&rest, &item)) {
        struct config_listener *listener = &listeners[count];
        struct bytes name, host;
        int32_t port;

        if (!split_entry(item, &name, &host, &port)) {
            config_builder_error(builder, key,
                                 "%s has the entry %s; allowed: NAME://host:port with a port from "
                                 "0 to 65535",
                                 key, LOG_QUOTED(item));
            continue;
        }
        if (count == CONFIG_LISTENERS_MAX) {
            config_builder_error(builder, key, "%s has more than %d entries", key,
                                 CONFIG_LISTENERS_MAX);
            break;
        }
        listener->name = upper_copy(builder, name);
        listener->host = config_builder_copy(builder, host);
        listener->port = port;
        listener->protocol = SECURITY_PLAINTEXT;
        if (!protocol_of_listener(builder, key, listener->name, &listener->protocol))
            continue;
        if (listener->protocol != SECURITY_PLAINTEXT) {
            config_builder_error(builder, key,
                                 "%s has the listener %s with the security protocol %s, which is "
                                 "not supported yet; allowed: PLAINTEXT",
                                 key, listener->name, security_protocol_name(listener->protocol));
            continue;
        }
        count++;
    }
    return count;
}

/* ---- Checks between entries ---- */

static bool is_address(const char *host, int family) {
    uint8_t address[16];

    return inet_pton(family, host, address) == 1;
}

/* One port may serve an IPv4 and an IPv6 address. */
static bool may_share_port(const struct config_listener *a, const struct config_listener *b) {
    return (is_address(a->host, AF_INET) && is_address(b->host, AF_INET6)) ||
           (is_address(a->host, AF_INET6) && is_address(b->host, AF_INET));
}

static const struct config_listener *listener_named(const struct config_listener *listeners,
                                                    size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(listeners[i].name, name) == 0)
            return &listeners[i];
    }
    return NULL;
}

static void check_distinct(const struct config_builder *builder, const char *key,
                           const struct config_listener *listeners, size_t count, bool ports) {
    for (size_t i = 1; i < count; i++) {
        if (listener_named(listeners, i, listeners[i].name) != NULL)
            config_builder_error(builder, key, "%s has the listener %s twice", key,
                                 listeners[i].name);
        for (size_t j = 0; ports && j < i; j++) {
            if (listeners[i].port != 0 && listeners[i].port == listeners[j].port &&
                !may_share_port(&listeners[i], &listeners[j]))
                config_builder_error(builder, key, "%s has the port %d twice", key,
                                     listeners[i].port);
        }
    }
}

/* The name under which others reach this machine, as well as we know. */
static const char *machine_name(struct config_builder *builder) {
    char name[256] = "localhost";
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const char *copy;

    (void)gethostname(name, sizeof(name) - 1);
    if (builder->ask_names && getaddrinfo(name, NULL, &hints, &found) == 0 &&
        found->ai_canonname != NULL)
        snprintf(name, sizeof(name), "%s", found->ai_canonname);
    copy = config_builder_copy(builder, bytes_of_text(name));
    if (found != NULL)
        freeaddrinfo(found);
    return copy;
}

static void resolve_advertised(struct config_builder *builder) {
    static const char key[] = "advertised.listeners";
    struct config *config = builder->config;
    const char *blamed = config->advertised_listeners_text != NULL ? key : "listeners";

    if (config->advertised_listeners_text != NULL) {
        config->advertised_listener_count = parse_list(
            builder, key, config->advertised_listeners_text, config->advertised_listeners);
        check_distinct(builder, key, config->advertised_listeners,
                       config->advertised_listener_count, false);
    } else {
        memcpy(config->advertised_listeners, config->listeners, sizeof(config->listeners));
        config->advertised_listener_count = config->listener_count;
    }
    for (size_t i = 0; i < config->advertised_listener_count; i++) {
        struct config_listener *listener = &config->advertised_listeners[i];

        if (listener_named(config->listeners, config->listener_count, listener->name) == NULL)
            config_builder_error(builder, key,
                                 "%s has the listener %s, which listeners does not "
                                 "have",
                                 key, listener->name);
        if (strcmp(listener->host, "0.0.0.0") == 0 || strcmp(listener->host, "::") == 0)
            config_builder_error(builder, blamed,
                                 "nobody can connect to %s; set advertised.listeners to an "
                                 "address of this machine",
                                 listener->host);
        if (listener->host[0] == '\0')
            listener->host = machine_name(builder);
    }
}

static void resolve_inter_broker(struct config_builder *builder) {
    struct config *config = builder->config;
    const char *key = "inter.broker.listener.name";
    const char *name = config->inter_broker_listener_text;

    if (name != NULL && config_builder_is_set(builder, "security.inter.broker.protocol"))
        config_builder_error(builder, key,
                             "%s and security.inter.broker.protocol are both set; allowed: one of "
                             "them",
                             key);
    if (name == NULL) {
        key = "security.inter.broker.protocol";
        name = config->security_inter_broker_protocol;
    }
    config->inter_broker_listener_name = upper_copy(builder, bytes_of_text(name));
    if (listener_named(config->advertised_listeners, config->advertised_listener_count,
                       config->inter_broker_listener_name) == NULL)
        config_builder_error(
            builder, key, "%s is %s, which is not a listener in %s", key, LOG_QUOTED_TEXT(name),
            config->advertised_listeners_text != NULL ? "advertised.listeners" : "listeners");
}

void config_resolve_listeners(struct config_builder *builder) {
    struct config *config = builder->config;
    size_t errors_before = builder->report->error_count;

    check_map(builder);
    config->listener_count =
        parse_list(builder, "listeners", config->listeners_text, config->listeners);
    check_distinct(builder, "listeners", config->listeners, config->listener_count, true);
    /* What follows would only complain again of what is missing because it was wrong. */
    if (builder->report->error_count > errors_before)
        return;
    if (config->listener_count == 0) {
        config_builder_error(builder, "listeners",
                             "listeners is empty; allowed: "
                             "NAME://host:port,...");
        return;
    }
    resolve_advertised(builder);
    if (builder->report->error_count == errors_before)
        resolve_inter_broker(builder);
}

/* The host must be given: nobody should open what is not protected to all the world by leaving
 * something out. */
void config_resolve_admin_listener(struct config_builder *builder) {
    static const char key[] = "barnabas.admin.listener";
    struct config *config = builder->config;
    struct bytes host;
    int32_t port;

    config->admin_host = NULL;
    if (config->admin_listener_text == NULL)
        return;
    if (!split_address(bytes_of_text(config->admin_listener_text), &host, &port) ||
        host.size == 0) {
        config_builder_error(builder, key,
                             "%s is %s; allowed: host:port with a port from 0 to 65535", key,
                             LOG_QUOTED_TEXT(config->admin_listener_text));
        return;
    }
    config->admin_host = config_builder_copy(builder, host);
    config->admin_port = (uint16_t)port;
}
