"""What OpenSSL calls the parts of a distinguished name: its long names, by object identifier."""

from __future__ import annotations

from typing import Final

_X520: Final = (
    "3 commonName 4 surname 5 serialNumber 6 countryName 7 localityName 8 stateOrProvinceName 9 streetAddress "
    "10 organizationName 11 organizationalUnitName 12 title 13 description 14 searchGuide 15 businessCategory "
    "16 postalAddress 17 postalCode 18 postOfficeBox 19 physicalDeliveryOfficeName 20 telephoneNumber 21 telexNumber "
    "22 teletexTerminalIdentifier 23 facsimileTelephoneNumber 24 x121Address 25 internationaliSDNNumber "
    "26 registeredAddress 27 destinationIndicator 28 preferredDeliveryMethod 29 presentationAddress "
    "30 supportedApplicationContext 31 member 32 owner 33 roleOccupant 34 seeAlso 35 userPassword 36 userCertificate "
    "37 cACertificate 38 authorityRevocationList 39 certificateRevocationList 40 crossCertificatePair 41 name "
    "42 givenName 43 initials 44 generationQualifier 45 x500UniqueIdentifier 46 dnQualifier 47 enhancedSearchGuide "
    "48 protocolInformation 49 distinguishedName 50 uniqueMember 51 houseIdentifier 52 supportedAlgorithms "
    "53 deltaRevocationList 54 dmdName 65 pseudonym 72 role 97 organizationIdentifier 98 countryCode3c "
    "99 countryCode3n 100 dnsName"
)
_PKCS9: Final = (
    "1 emailAddress 2 unstructuredName 3 contentType 4 messageDigest 5 signingTime 6 countersignature "
    "7 challengePassword 8 unstructuredAddress 9 extendedCertificateAttributes 20 friendlyName 21 localKeyID"
)
_COSINE: Final = (
    "1 userId 2 textEncodedORAddress 3 rfc822Mailbox 4 info 5 favouriteDrink 6 roomNumber 7 photo 8 userClass 9 host "
    "10 manager 11 documentIdentifier 12 documentTitle 13 documentVersion 14 documentAuthor 15 documentLocation "
    "20 homeTelephoneNumber 21 secretary 22 otherMailbox 23 lastModifiedTime 24 lastModifiedBy 25 domainComponent "
    "26 aRecord 27 pilotAttributeType27 28 mXRecord 29 nSRecord 30 sOARecord 31 cNAMERecord 37 associatedDomain "
    "38 associatedName 39 homePostalAddress 40 personalTitle 41 mobileTelephoneNumber 42 pagerTelephoneNumber "
    "43 friendlyCountryName 44 uniqueIdentifier 45 organizationalStatus 46 janetMailbox 47 mailPreferenceOption "
    "48 buildingName 49 dSAQuality 50 singleLevelQuality 51 subtreeMinimumQuality 52 subtreeMaximumQuality "
    "53 personalSignature 54 dITRedirect 55 audio 56 documentPublisher"
)


def _numbered(arc: str, text: str) -> dict[str, str]:
    words = text.split()
    return {f"{arc}.{number}": name for number, name in zip(words[::2], words[1::2], strict=True)}


LONG_NAMES: Final = {
    **_numbered("2.5.4", _X520),
    **_numbered("1.2.840.113549.1.9", _PKCS9),
    **_numbered("0.9.2342.19200300.100.1", _COSINE),
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionLocalityName",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionStateOrProvinceName",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionCountryName",
    "1.3.6.1.4.1.311.20.2.3": "Microsoft User Principal Name",
    "1.2.643.100.1": "OGRN",
    "1.2.643.100.3": "SNILS",
    "1.2.643.100.5": "OGRNIP",
    "1.2.643.3.131.1.1": "INN",
}
"""The long name of each object identifier that has one."""
