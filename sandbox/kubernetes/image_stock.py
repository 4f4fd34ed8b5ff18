"""The images a new cluster can pull: well-known public ones and those of the demo applications."""

from sandbox.kubernetes.demo_images import DEMO_IMAGES
from sandbox.kubernetes.image_scripts import WELL_KNOWN, WELL_KNOWN_TAG
from sandbox.kubernetes.images import MEBIBYTE, ImageRegistry, serving

DNS_IMAGE = "registry.k8s.io/coredns/coredns:v1.11.3"


def stocked_registry() -> ImageRegistry:
    """Return a registry with everything the sandbox ships."""
    registry = ImageRegistry()
    for name, script in WELL_KNOWN.items():
        registry.register_family(name, script, WELL_KNOWN_TAG)
    for name, (script, tags) in DEMO_IMAGES.items():
        registry.register(name, script, tags)
    name, _, tag = DNS_IMAGE.rpartition(":")
    registry.register(name, serving((".:53", "CoreDNS-1.11.3"), millicores=3.0, memory=18 * MEBIBYTE), [tag])
    return registry
