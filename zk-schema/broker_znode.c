#include "zk-schema/broker_znode.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT_MAX 65535

static json_t *endpoint_json(const struct broker_endpoint *endpoint) {
    bool is_ipv6 = strchr(endpoint->host, ':') != NULL;

    return json_sprintf(is_ipv6 ? "%s://[%s]:%d" : "%s://%s:%d", endpoint->listener, endpoint->host,
                        endpoint->port);
}

struct bytes broker_znode_encode(const struct broker_znode *broker, struct arena *arena) {
    json_t *object = json_object();
    json_t *endpoints = json_array();
    json_t *protocols = json_object();
    const struct broker_endpoint *plaintext = NULL;
    char timestamp[32];

    for (int32_t i = 0; i < broker->endpoint_count; i++) {
        const struct broker_endpoint *endpoint = &broker->endpoints[i];
        json_array_append_new(endpoints, endpoint_json(endpoint));
        json_object_set_new(protocols, endpoint->listener,
                            json_string(endpoint->security_protocol));
        if (plaintext == NULL && strcmp(endpoint->security_protocol, "PLAINTEXT") == 0)
            plaintext = endpoint;
    }
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)broker->timestamp_ms);
    json_object_set_new(object, "features", json_object());
    json_object_set_new(object, "listener_security_protocol_map", protocols);
    json_object_set_new(object, "endpoints", endpoints);
    if (broker->rack != NULL)
        json_object_set_new(object, "rack", znode_text_json(broker->rack));
    json_object_set_new(object, "jmx_port", json_integer(-1));
    json_object_set_new(object, "port", json_integer(plaintext == NULL ? -1 : plaintext->port));
    json_object_set_new(object, "host",
                        plaintext == NULL ? json_null() : json_string(plaintext->host));
    json_object_set_new(object, "version", json_integer(5));
    json_object_set_new(object, "timestamp", json_string(timestamp));
    return znode_finish(object, arena);
}

static const char *copy_part(struct znode_reader *reader, const char *start, size_t size) {
    struct bytes copy = arena_copy(reader->arena, bytes_of(start, size));

    if (bytes_is_null(copy))
        znode_fail(reader, "endpoints", "does not fit into memory");
    return (const char *)copy.data;
}

/* LISTENER://host:port, an IPv6 host in brackets. */
static void parse_endpoint(struct znode_reader *reader, const char *text, const json_t *protocols,
                           struct broker_endpoint *endpoint) {
    const char *scheme_end = strstr(text, "://");
    const char *port_mark = strrchr(text, ':');
    const char *host;
    const char *host_end;
    char *number_end;
    char *listener;
    long port;

    if (scheme_end == NULL || scheme_end == text || port_mark <= scheme_end) {
        znode_fail(reader, "endpoints", "has an entry that is not LISTENER://host:port");
        return;
    }
    host = scheme_end + 3;
    host_end = port_mark;
    if (*host == '[' && host_end > host + 1 && host_end[-1] == ']') {
        host++;
        host_end--;
    }
    port = strtol(port_mark + 1, &number_end, 10);
    if (number_end == port_mark + 1 || *number_end != '\0' || port < -1 || port > PORT_MAX ||
        host_end < host) {
        znode_fail(reader, "endpoints", "has an entry with a bad host or port");
        return;
    }
    listener = (char *)(uintptr_t)copy_part(reader, text, (size_t)(scheme_end - text));
    endpoint->host = copy_part(reader, host, (size_t)(host_end - host));
    endpoint->port = (int32_t)port;
    if (reader->failed)
        return;
    for (char *c = listener; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    endpoint->listener = listener;
    endpoint->security_protocol =
        protocols == NULL ? listener : znode_text(reader, protocols, listener);
}

static void decode_endpoints(struct znode_reader *reader, const json_t *object,
                             struct broker_znode *broker) {
    const json_t *texts = znode_array(reader, object, "endpoints");
    const json_t *protocols =
        znode_object_or_null(reader, object, "listener_security_protocol_map");
    size_t count = json_array_size(texts);
    struct broker_endpoint *endpoints = znode_alloc(reader, count, sizeof(*endpoints));

    for (size_t i = 0; i < count && !reader->failed; i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        if (text == NULL)
            znode_fail(reader, "endpoints", "is not an array of strings");
        else
            parse_endpoint(reader, text, protocols, &endpoints[i]);
    }
    broker->endpoints = endpoints;
    broker->endpoint_count = (int32_t)count;
}

/* Version 1 knows one PLAINTEXT listener, in host and port. */
static void decode_version_1(struct znode_reader *reader, const json_t *object,
                             struct broker_znode *broker) {
    struct broker_endpoint *endpoint = znode_alloc(reader, 1, sizeof(*endpoint));

    if (endpoint == NULL)
        return;
    endpoint->listener = "PLAINTEXT";
    endpoint->security_protocol = "PLAINTEXT";
    endpoint->host = znode_text(reader, object, "host");
    endpoint->port = znode_int32(reader, object, "port");
    if (endpoint->port < -1 || endpoint->port > PORT_MAX)
        znode_fail(reader, "port", "is out of range");
    broker->endpoints = endpoint;
    broker->endpoint_count = 1;
}

enum error broker_znode_decode(const char *path, struct bytes data, struct arena *arena,
                               struct broker_znode *broker, struct znode_error *error) {
    struct znode_reader reader;
    json_t *object;
    int32_t version;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    *broker = (struct broker_znode){0};
    version = znode_int32(&reader, object, "version");
    if (!reader.failed && version < 1)
        znode_fail(&reader, "version", "is below 1");
    broker->rack = znode_text_or(&reader, object, "rack", NULL);
    broker->timestamp_ms = strtoll(znode_text_or(&reader, object, "timestamp", "0"), NULL, 10);
    if (version == 1)
        decode_version_1(&reader, object, broker);
    else if (!reader.failed)
        decode_endpoints(&reader, object, broker);
    json_decref(object);
    return znode_result(&reader);
}
