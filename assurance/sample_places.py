"""Cities for the sample leads, with states, zips and area codes that agree."""

from typing import Final, NamedTuple


class SampleCity(NamedTuple):
    """A city with its own zips and area codes, and the usual home loan there, in thousands."""

    state: str
    city: str
    zips: tuple[str, ...]
    area_codes: tuple[str, ...]
    loan: int
    weight: int


PLACES: Final = tuple(
    SampleCity(state, city, tuple(zips.split()), tuple(codes.split()), int(loan), int(weight))
    for state, city, zips, codes, loan, weight in (
        line.split("|")
        for line in (
            # state | city | zips | area codes | usual loan in thousands | weight
            "AL|Birmingham|35203 35205 35209|205|210|2",
            "AK|Anchorage|99501 99503 99507|907|300|1",
            "AZ|Phoenix|85004 85016 85032|602|340|4",
            "AZ|Tucson|85701 85705 85719|520|260|2",
            "AR|Little Rock|72201 72205 72211|501|190|1",
            "CA|Los Angeles|90012 90026 90045|213 310|620|7",
            "CA|San Diego|92101 92103 92109|619|610|4",
            "CA|Sacramento|95814 95816 95825|916|430|3",
            "CA|San Jose|95112 95125 95126|408|820|3",
            "CO|Denver|80202 80205 80211|303|460|3",
            "CT|Hartford|06103 06105 06106|860|260|1",
            "DE|Wilmington|19801 19802 19805|302|270|1",
            "DC|Washington|20001 20009 20016|202|540|1",
            "FL|Miami|33125 33133 33145|305|400|5",
            "FL|Orlando|32801 32803 32806|407|330|4",
            "FL|Tampa|33602 33606 33611|813|340|3",
            "FL|Pensacola|32501 32503 32504|850|260|1",
            "GA|Atlanta|30303 30308 30318|404|350|4",
            "HI|Honolulu|96813 96816 96822|808|690|1",
            "ID|Boise|83702 83704 83706|208|390|1",
            "IL|Chicago|60607 60614 60622|312 773|320|5",
            "IN|Indianapolis|46202 46205 46220|317|230|2",
            "IA|Des Moines|50309 50310 50312|515|210|1",
            "KS|Wichita|67203 67208 67212|316|190|1",
            "KY|Louisville|40202 40204 40205|502|230|2",
            "LA|New Orleans|70115 70118 70119|504|260|2",
            "ME|Portland|04101 04102 04103|207|340|1",
            "MD|Baltimore|21201 21211 21224|410|320|3",
            "MA|Boston|02116 02118 02127|617|570|3",
            "MA|Worcester|01602 01604 01605|508|360|1",
            "MI|Detroit|48202 48207 48226|313|180|3",
            "MN|Minneapolis|55403 55406 55408|612|310|2",
            "MS|Jackson|39201 39206 39211|601|170|1",
            "MO|Kansas City|64108 64111 64113|816|240|2",
            "MT|Billings|59101 59102 59105|406|330|1",
            "NE|Omaha|68102 68105 68132|402|240|1",
            "NV|Las Vegas|89101 89117 89123|702|360|3",
            "NH|Manchester|03101 03103 03104|603|350|1",
            "NJ|Newark|07102 07104 07105|973|410|3",
            "NM|Albuquerque|87102 87106 87110|505|270|1",
            "NY|New York|10011 10025 10128|212|780|4",
            "NY|Buffalo|14201 14209 14222|716|200|2",
            "NC|Charlotte|28202 28205 28209|704|340|4",
            "ND|Fargo|58102 58103 58104|701|260|1",
            "OH|Columbus|43201 43206 43215|614|260|3",
            "OH|Cleveland|44102 44109 44113|216|170|2",
            "OK|Oklahoma City|73102 73106 73118|405|210|2",
            "OR|Portland|97202 97209 97214|503|440|2",
            "PA|Philadelphia|19103 19123 19147|215|270|4",
            "PA|Pittsburgh|15203 15206 15217|412|230|2",
            "RI|Providence|02903 02906 02908|401|360|2",
            "SC|Charleston|29401 29403 29407|843|380|2",
            "SD|Sioux Falls|57103 57104 57105|605|260|1",
            "TN|Nashville|37203 37206 37211|615|400|3",
            "TN|Knoxville|37902 37917 37919|865|290|1",
            "TX|Houston|77002 77007 77019|713|290|5",
            "TX|Dallas|75201 75206 75214|214|340|4",
            "TX|Austin|78701 78704 78745|512|430|3",
            "TX|El Paso|79901 79902 79912|915|210|1",
            "UT|Salt Lake City|84101 84103 84105|801|440|2",
            "VT|Burlington|05401|802|360|1",
            "VA|Richmond|23220 23221 23223|804|330|2",
            "WA|Seattle|98101 98103 98115|206|660|3",
            "WA|Spokane|99201 99203 99205|509|340|1",
            "WV|Charleston|25301 25302 25304|304|160|1",
            "WI|Milwaukee|53202 53207 53211|414|240|2",
            "WY|Cheyenne|82001 82007 82009|307|300|1",
        )
    )
)
_REGIONS: Final = {
    state: name
    for name, states in (
        ("west", "AK AZ CA CO HI ID MT NM NV OR UT WA WY"),
        ("south", "AL AR DC DE FL GA KY LA MD MS NC OK SC TN TX VA WV"),
        ("midwest", "IA IL IN KS MI MN MO ND NE OH SD WI"),
    )
    for state in states.split()
}


def region(state: str) -> str:
    """Return the region of a state: west, south, midwest or east."""
    return _REGIONS.get(state, "east")
